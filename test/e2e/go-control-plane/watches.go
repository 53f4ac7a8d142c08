package main

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// key is a subscription: streams of the two protocols are counted apart.
type key struct {
	delta   bool
	stream  int64
	typeURL string
}

// watch is who waits for a type on a stream, since the last request of it.
type watch struct {
	node     string
	request  *cache.Request
	sotw     chan cache.Response
	requestD *cache.DeltaRequest
	delta    chan cache.DeltaResponse
	returned map[string]string
}

// watches is the snapshot cache, and remembers who watches it, so that a response can be sent that no snapshot has: one name twice, a
// type that is not the one that was asked for, bytes that are no message.
type watches struct {
	*plane
	mutex sync.Mutex
	open  map[key]watch
	new   map[proto.Message]arrival // requests that no watch was made of yet
	nonce map[key]string            // of the last response, state of the world
}

// arrival is a request and what is to be said of it: only when it is watched for, so that a push that follows goes to all who have
// asked, in its order.
type arrival struct {
	stream int64
	said   map[string]any
}

func newWatches(p *plane) *watches {
	return &watches{plane: p, open: map[key]watch{}, new: map[proto.Message]arrival{}, nonce: map[key]string{}}
}

func (w *watches) Fetch(ctx context.Context, request *cache.Request) (cache.Response, error) {
	return w.snapshots.Fetch(ctx, request)
}

func (w *watches) CreateWatch(request *cache.Request, sub cache.Subscription, to chan cache.Response) (func(), error) {
	defer w.remember(key{false, 0, request.GetTypeUrl()}, request, watch{node: w.ID(request.GetNode()), request: request, sotw: to})
	return w.snapshots.CreateWatch(request, sub, to)
}

func (w *watches) CreateDeltaWatch(request *cache.DeltaRequest, sub cache.Subscription, to chan cache.DeltaResponse) (func(), error) {
	defer w.remember(key{true, 0, request.GetTypeUrl()}, request,
		watch{node: w.ID(request.GetNode()), requestD: request, delta: to, returned: maps.Clone(sub.ReturnedResources())})
	return w.snapshots.CreateDeltaWatch(request, sub, to)
}

func (w *watches) remember(of key, request proto.Message, made watch) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	arrived := w.new[request]
	delete(w.new, request)
	of.stream = arrived.stream
	w.open[of] = made
	w.events.say(arrived.said)
}

// requested notes a request, of which a watch is made next; unless it is one that the server passes over, as it answers a response that
// is not the last one.
func (w *watches) requested(stream int64, request proto.Message, said map[string]any) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if r, is := request.(*cache.Request); is {
		if last := w.nonce[key{false, stream, r.GetTypeUrl()}]; last != "" && r.GetResponseNonce() != last {
			w.events.say(said)
			return
		}
	}
	w.new[request] = arrival{stream, said}
}

func (w *watches) responded(stream int64, response *discovery.DiscoveryResponse) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.nonce[key{false, stream, response.GetTypeUrl()}] = response.GetNonce()
}

func (w *watches) ended(delta bool, stream int64) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	maps.DeleteFunc(w.open, func(of key, _ watch) bool { return of.delta == delta && of.stream == stream })
	maps.DeleteFunc(w.nonce, func(of key, _ string) bool { return !delta && of.stream == stream })
	maps.DeleteFunc(w.new, func(request proto.Message, of arrival) bool {
		_, isDelta := request.(*cache.DeltaRequest)
		return isDelta == delta && of.stream == stream
	})
}

// respond sends what the command has to each watch of that type. What the server believes the client to have does not change by it, so
// that the snapshot stays what is true.
func (w *watches) respond(c *command) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	sent := 0
	for of, to := range w.open {
		if of.typeURL != c.Type || to.node != c.Node {
			continue
		}
		version := ""
		if snapshot, err := w.snapshots.GetSnapshot(to.node); err == nil {
			version = snapshot.GetVersion(c.Type)
		}
		if c.Version != nil {
			version = *c.Version
		}
		var err error
		if of.delta {
			err = to.respondDelta(c, version)
		} else {
			err = to.respond(c, version)
		}
		if err != nil {
			return err
		}
		sent++
	}
	if sent == 0 {
		return fmt.Errorf("nobody watches %s", c.Type)
	}
	return nil
}

func (w watch) respond(c *command, version string) error {
	response := &discovery.DiscoveryResponse{VersionInfo: version, TypeUrl: c.Type}
	for _, given := range c.Resources {
		packed, err := given.any()
		if err == nil && given.TTL != "" {
			var wrapped *discovery.Resource
			if wrapped, err = given.wrapped(packed); err == nil {
				packed, err = anypb.New(wrapped)
			}
		}
		if err != nil {
			return err
		}
		response.Resources = append(response.Resources, packed)
	}
	return give[cache.Response](w.sotw, c.Type,
		&cache.PassthroughResponse{Request: w.request, DiscoveryResponse: response, ReturnedResources: w.returned})
}

func (w watch) respondDelta(c *command, version string) error {
	response := &discovery.DeltaDiscoveryResponse{SystemVersionInfo: version, TypeUrl: c.Type, RemovedResources: c.Removed}
	for _, given := range c.Resources {
		packed, err := given.any()
		if err != nil {
			return err
		}
		wrapped, err := given.wrapped(packed)
		if err != nil {
			return err
		}
		response.Resources = append(response.Resources, wrapped)
	}
	return give[cache.DeltaResponse](w.delta, c.Type,
		&cache.DeltaPassthroughResponse{DeltaRequest: w.requestD, DeltaDiscoveryResponse: response, NextVersionMap: w.returned})
}

// give hands a response to a stream, which takes it in a turn of its own.
func give[Response any](to chan Response, typeURL string, response Response) error {
	select {
	case to <- response:
		return nil
	case <-time.After(5 * time.Second):
		return fmt.Errorf("a stream does not take a response of %s", typeURL)
	}
}

func (r *resource) wrapped(packed *anypb.Any) (*discovery.Resource, error) {
	made := &discovery.Resource{Name: r.Name, Version: r.Version, Aliases: r.Aliases, Resource: packed}
	if made.Name == "" && packed != nil {
		if message, err := packed.UnmarshalNew(); err == nil {
			made.Name = cache.GetResourceName(message)
		}
	}
	if r.TTL != "" {
		ttl, err := time.ParseDuration(r.TTL)
		if err != nil {
			return nil, err
		}
		made.Ttl = durationpb.New(ttl)
	}
	return made, nil
}
