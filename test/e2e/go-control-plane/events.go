package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"sync"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// events writes a line for each thing that happens, in the order in which it does.
type events struct {
	mutex sync.Mutex
	out   *bufio.Writer
}

func newEvents() *events {
	return &events{out: bufio.NewWriter(os.Stdout)}
}

func (e *events) say(what map[string]any) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	what["time"] = seconds(time.Now())
	line, err := json.Marshal(what)
	if err != nil {
		panic(err)
	}
	e.out.Write(append(line, '\n'))
	e.out.Flush() // who reads has ended when this fails, and then the input ends, too
}

// seconds of the epoch.
func seconds(of time.Time) float64 {
	return float64(of.UnixMicro()) / 1e6
}

func (p *plane) callbacks() server.Callbacks {
	return server.CallbackFuncs{
		StreamOpenFunc:        func(ctx context.Context, stream int64, _ string) error { return p.opened(ctx, false, stream) },
		DeltaStreamOpenFunc:   func(ctx context.Context, stream int64, _ string) error { return p.opened(ctx, true, stream) },
		StreamClosedFunc:      func(stream int64, _ *core.Node) { p.closed(false, stream) },
		DeltaStreamClosedFunc: func(stream int64, _ *core.Node) { p.closed(true, stream) },
		StreamRequestFunc: func(stream int64, r *discovery.DiscoveryRequest) error {
			said := p.about("request", false, stream, r.GetTypeUrl())
			said["version"], said["nonce"], said["names"] = r.GetVersionInfo(), r.GetResponseNonce(), list(r.GetResourceNames())
			p.watches.requested(stream, r, describe(said, r.GetNode(), r.GetErrorDetail()))
			return nil
		},
		StreamDeltaRequestFunc: func(stream int64, r *discovery.DeltaDiscoveryRequest) error {
			said := p.about("request", true, stream, r.GetTypeUrl())
			said["nonce"], said["subscribe"], said["unsubscribe"] = r.GetResponseNonce(), list(r.GetResourceNamesSubscribe()), list(r.GetResourceNamesUnsubscribe())
			said["initial"] = r.GetInitialResourceVersions()
			p.watches.requested(stream, r, describe(said, r.GetNode(), r.GetErrorDetail()))
			return nil
		},
		FetchRequestFunc: func(_ context.Context, r *discovery.DiscoveryRequest) error {
			said := map[string]any{"event": "fetch", "type": r.GetTypeUrl(), "version": r.GetVersionInfo(), "names": list(r.GetResourceNames())}
			p.events.say(describe(said, r.GetNode(), r.GetErrorDetail()))
			return nil
		},
		StreamResponseFunc: func(_ context.Context, stream int64, _ *discovery.DiscoveryRequest, r *discovery.DiscoveryResponse) {
			said := p.about("response", false, stream, r.GetTypeUrl())
			said["version"], said["nonce"], said["names"] = r.GetVersionInfo(), r.GetNonce(), names(r.GetResources())
			p.watches.responded(stream, r)
			p.events.say(said)
		},
		StreamDeltaResponseFunc: func(stream int64, _ *discovery.DeltaDiscoveryRequest, r *discovery.DeltaDiscoveryResponse) {
			said := p.about("response", true, stream, r.GetTypeUrl())
			sent := []string{}
			for _, each := range r.GetResources() {
				sent = append(sent, each.GetName())
			}
			said["version"], said["nonce"], said["names"], said["removed"] = r.GetSystemVersionInfo(), r.GetNonce(), sent, list(r.GetRemovedResources())
			p.events.say(said)
		},
	}
}

func (p *plane) about(event string, delta bool, stream int64, typeURL string) map[string]any {
	return map[string]any{"event": event, "delta": delta, "stream": stream, "type": typeURL}
}

func (p *plane) opened(ctx context.Context, delta bool, stream int64) error {
	said := p.about("open", delta, stream, "")
	said["method"], _ = grpc.Method(ctx)
	said["metadata"], _ = metadata.FromIncomingContext(ctx)
	if from, has := peer.FromContext(ctx); has {
		if info, is := from.AuthInfo.(credentials.TLSInfo); is && len(info.State.PeerCertificates) > 0 {
			identities := []string{}
			for _, each := range info.State.PeerCertificates[0].URIs {
				identities = append(identities, each.String())
			}
			said["identities"] = identities
		}
	}
	p.events.say(said)
	return nil
}

func (p *plane) closed(delta bool, stream int64) {
	p.watches.ended(delta, stream)
	p.events.say(p.about("close", delta, stream, ""))
}

// describe adds what requests of all kinds have.
func describe(said map[string]any, node *core.Node, failure *status.Status) map[string]any {
	if node.GetId() != "" {
		shown := proto.Clone(node).(*core.Node)
		shown.Extensions = nil // hundreds, of some
		text, err := protojson.Marshal(shown)
		if err != nil {
			panic(err)
		}
		said["node"] = json.RawMessage(text)
	}
	if failure != nil {
		said["error"] = map[string]any{"code": failure.GetCode(), "message": failure.GetMessage()}
	}
	return said
}

func names(resources []*anypb.Any) []string {
	found := []string{}
	for _, each := range resources {
		name := ""
		if message, err := each.UnmarshalNew(); err == nil {
			if wrapped, is := message.(*discovery.Resource); is {
				name = wrapped.GetName()
			} else {
				name = cache.GetResourceName(message)
			}
		}
		found = append(found, name)
	}
	return found
}

// list makes no list an empty one, for JSON.
func list(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}
