package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
	"github.com/cerberus-host/cerberus/proto/gen/cerberus/v1/cerberusv1connect"
)

// liar stands between client and node and changes one kind of answer.
type liar struct {
	*httptest.Server

	uploads atomic.Int64
}

// lie changes an answer to a procedure; request is what was asked.
type lie struct {
	procedure string
	request   proto.Message
	answer    proto.Message
	change    func(request, answer proto.Message)
}

// lies are the ways to lie, by name. module is the digest of the Brain in question.
func lies(name string, module []byte) (lie, error) {
	read := lie{
		procedure: cerberusv1connect.BlobServiceReadBlobProcedure,
		request:   new(cerberusv1.ReadBlobRequest), answer: new(cerberusv1.ReadBlobResponse),
	}
	flip := func(wantModule bool) func(request, answer proto.Message) {
		return func(request, answer proto.Message) {
			asked := request.(*cerberusv1.ReadBlobRequest)
			data := answer.(*cerberusv1.ReadBlobResponse).GetData()
			if bytes.Equal(asked.GetDigest(), module) == wantModule {
				data[len(data)/2] ^= 1
			}
		}
	}
	brain := lie{
		procedure: cerberusv1connect.BrainServiceGetBrainProcedure,
		request:   new(cerberusv1.GetBrainRequest), answer: new(cerberusv1.GetBrainResponse),
	}
	switch name {
	case "module":
		read.change = flip(true)
		return read, nil
	case "output":
		read.change = flip(false)
		return read, nil
	case "plan":
		brain.change = func(_, answer proto.Message) {
			for _, v := range answer.(*cerberusv1.GetBrainResponse).GetBrain().GetVersions() {
				for _, p := range v.GetPlans() {
					p.PlanDigest[0] ^= 1
				}
			}
		}
		return brain, nil
	case "brain":
		brain.change = func(_, answer proto.Message) {
			answer.(*cerberusv1.GetBrainResponse).GetBrain().Name = "another"
		}
		return brain, nil
	case "cluster":
		return lie{
			procedure: cerberusv1connect.NodeServiceGetStatusProcedure,
			request:   new(cerberusv1.GetStatusRequest), answer: new(cerberusv1.GetStatusResponse),
			change: func(_, answer proto.Message) {
				answer.(*cerberusv1.GetStatusResponse).ClusterId[0] ^= 1
			},
		}, nil
	case "failed":
		return lie{
			procedure: cerberusv1connect.TaskServiceSubmitTaskProcedure,
			request:   new(cerberusv1.SubmitTaskRequest), answer: new(cerberusv1.SubmitTaskResponse),
			change: func(_, answer proto.Message) {
				task := answer.(*cerberusv1.SubmitTaskResponse).GetTask()
				task.State = cerberusv1.TaskState_TASK_STATE_FAILED
				task.FailureMessage = "the engine \x1b[31mfailed"
				task.Failure = &cerberusv1.ErrorDetail{Reason: "engine_failed", Fix: "Try again."}
			},
		}, nil
	default:
		return lie{}, fmt.Errorf("unknown lie %q", name)
	}
}

// newLiar starts a liar in front of the node at target.
func newLiar(target string, l lie) (*liar, error) {
	to, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	out := new(liar)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: l.tell,
		FlushInterval:  -1,
	}
	out.Server = httptest.NewServer(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == cerberusv1connect.BlobServiceStartUploadProcedure {
				out.uploads.Add(1)
			}
			if r.URL.Path == l.procedure {
				body, err := io.ReadAll(r.Body)
				if err != nil || proto.Unmarshal(body, l.request) != nil {
					http.Error(w, "unreadable", http.StatusBadRequest)
					return
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
			}
			proxy.ServeHTTP(w, r)
		}))
	return out, nil
}

// tell changes the answer that the lie is about.
func (l lie) tell(r *http.Response) error {
	if r.Request.URL.Path != l.procedure || r.StatusCode != http.StatusOK {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(body, l.answer); err != nil {
		return err
	}
	l.change(l.request, l.answer)
	if body, err = proto.Marshal(l.answer); err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Length", fmt.Sprint(len(body)))
	return nil
}
