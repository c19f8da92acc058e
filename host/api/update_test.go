package api_test

import "flag"

var update = flag.Bool("update", false, "write the pages that are made from tables")
