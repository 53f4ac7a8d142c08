package main

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// resource is one as a command has it: JSON with an "@type", and what JSON cannot say.
type resource struct {
	Resource json.RawMessage `json:"resource"` // absent in a response: a heartbeat
	Append   []byte          `json:"append"`   // bytes behind the serialised resource, such as fields that nobody knows
	TTL      string          `json:"ttl"`

	// For respond only.
	TypeURL string   `json:"type_url"` // with `value`, instead of `resource`: an Any as it is
	Value   []byte   `json:"value"`
	Name    string   `json:"name"` // the resource's own by default; delta
	Version string   `json:"version"`
	Aliases []string `json:"aliases"`
}

// any is the resource as it is sent. Nothing for a heartbeat.
func (r *resource) any() (*anypb.Any, error) {
	if r.TypeURL != "" {
		return &anypb.Any{TypeUrl: r.TypeURL, Value: r.Value}, nil
	}
	if r.Resource == nil {
		return nil, nil
	}
	made := &anypb.Any{}
	if err := (protojson.UnmarshalOptions{Resolver: resolver{protoregistry.GlobalTypes}}).Unmarshal(r.Resource, made); err != nil {
		return nil, fmt.Errorf("resource %.200s: %w", r.Resource, err)
	}
	made.Value = append(made.Value, r.Append...)
	return made, nil
}

func (r *resource) message() (proto.Message, string, error) {
	packed, err := r.any()
	if err != nil {
		return nil, "", err
	}
	if packed == nil {
		return nil, "", fmt.Errorf("a resource of a push: expected content")
	}
	message, err := packed.UnmarshalNew()
	return message, packed.GetTypeUrl(), err
}

// resolver knows the types of the API, and takes any other one for a Struct in its "value", so that a test can send types that nobody
// has.
type resolver struct{ *protoregistry.Types }

func (r resolver) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	if found, err := r.Types.FindMessageByURL(url); err == nil {
		return found, nil
	}
	return (&structpb.Struct{}).ProtoReflect().Type(), nil
}
