// Package encode turns the constants of a Plan into polynomials, to the same bits on
// every machine.
//
// The type is [Encoder]. Values are fixed-point integers, a mantissa times 2^-frac; a
// scale is a [fhe.Scale]. The result holds, for every prime up to the level, the
// residues of integer coefficients, in coefficient domain:
//
//   - [Encoder.Coeffs] puts value i into coefficient i;
//   - [Encoder.Dot] arranges the values so that coefficient 0 of a product is a dot
//     product;
//   - [Encoder.Slots] packs the values into slots, by the inverse of the canonical
//     embedding.
//
// # Rounding
//
// A coefficient of Coeffs and Dot is mantissa * 2^-frac * scale, computed exactly and
// rounded to the nearest integer, ties to the even one. A coefficient of Slots is what
// the transform below yields, multiplied by 2^-frac * scale exactly and rounded by the
// same rule. The transform is off by less than 2^-119 times the largest value, before
// the scale. At a scale of 2^45 and values up to 2^20 that is 2^-54: the rounding differs
// from that of the exact coefficient only where the latter is that close to a tie.
//
// # The transform
//
// No floating-point number occurs. A vector of period p, a power of two, lives in the
// subring of polynomials in Y = X^(N/2p), where slot j is the value at Y = w^(5^j) with
// w = exp(2*pi*i/4p). For real slots z_j this gives
//
//	c_k = 1/p * sum over j of z_j * cos(2*pi * 5^j*k / 4p),  c_(2p-k) = -c_k,  c_p = 0
//
// for the coefficient c_k of Y^k. Of the exponents 5^j and -5^j modulo 4p exactly one is
// an odd number 2t+1 below 2p; sorted by t, the sum is a cosine transform of type two,
// which one complex Fourier transform of length p computes. That one runs on 128-bit
// fixed-point numbers and halves its values at every stage, which gives the 1/p and
// keeps them in range. Its roots come from exact integer square roots and products with
// 256 fractional bits and are rounded once, to 126.
//
// # Caveats
//
// The package does not decode, encodes no complex numbers and checks no precision: a
// scale that is too small yields zero. It runs in time that depends on the values, which
// are public (model and program).
package encode
