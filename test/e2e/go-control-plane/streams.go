package main

import (
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// streams can end those that there are, and refuse those that come.
type streams struct {
	mutex   sync.Mutex
	events  *events
	ended   chan struct{} // closed when those that there are have to end, with `with`
	with    error
	refusal error
	refused int // how many still are; negative: all
}

func newStreams(events *events) *streams {
	return &streams{events: events, ended: make(chan struct{})}
}

func (s *streams) cut(code uint32, message string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.with = status.Error(codes.Code(code), message)
	close(s.ended)
	s.ended = make(chan struct{})
}

func (s *streams) refuse(code uint32, message string, count int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.refusal, s.refused = status.Error(codes.Code(code), message), count
}

func (s *streams) intercept(served any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	s.mutex.Lock()
	if s.refused != 0 {
		s.refused--
		defer s.mutex.Unlock()
		method, _ := grpc.MethodFromServerStream(stream)
		s.events.say(map[string]any{"event": "refused", "method": method})
		return s.refusal
	}
	ended := s.ended
	s.mutex.Unlock()
	err := handler(served, &endable{stream, ended})
	select {
	case <-ended:
		s.mutex.Lock()
		defer s.mutex.Unlock()
		return s.with
	default:
		return err
	}
}

// endable is a stream that can be ended while somebody waits for its next message.
type endable struct {
	grpc.ServerStream
	ended chan struct{}
}

func (e *endable) RecvMsg(into any) error {
	result := make(chan error, 1)
	go func() { result <- e.ServerStream.RecvMsg(into) }()
	select {
	case err := <-result:
		return err
	case <-e.ended:
		return status.Error(codes.Canceled, "ended by a command")
	}
}

// unknown is called for services that nobody serves here.
func (p *plane) unknown(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	said, _ := metadata.FromIncomingContext(stream.Context())
	p.events.say(map[string]any{"event": "unknown", "method": method, "metadata": said})
	return status.Errorf(codes.Unimplemented, "unknown method %s", method)
}
