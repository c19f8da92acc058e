package api

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// Procedures lists the paths of all procedures of the public API, such as
// "/cerberus.v1.TaskService/GetTask".
func Procedures() []string {
	var list []string
	for _, file := range []protoreflect.FileDescriptor{
		cerberusv1.File_cerberus_v1_node_proto, cerberusv1.File_cerberus_v1_blob_proto,
		cerberusv1.File_cerberus_v1_brain_proto, cerberusv1.File_cerberus_v1_task_proto,
	} {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				name := string(service.Methods().Get(j).Name())
				list = append(list, "/"+string(service.FullName())+"/"+name)
			}
		}
	}
	return list
}
