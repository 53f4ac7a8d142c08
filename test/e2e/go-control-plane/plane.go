package main

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
)

// plane is all there is: the state of each node, and who watches it. Commands come one after another; streams live on their own.
type plane struct {
	mutex     sync.Mutex // of states
	states    map[string]*cache.Snapshot
	snapshots cache.SnapshotCache
	watches   *watches
	streams   *streams
	events    *events
	pushes    int // the first one, of nothing, is 0
}

func newPlane() *plane {
	made := &plane{pushes: -1, states: map[string]*cache.Snapshot{}, events: newEvents()}
	made.streams = newStreams(made.events)
	made.watches = newWatches(made)
	return made
}

// push changes the state of a node, in one step for all types, and tells whoever watches. It returns when it began to tell: what the
// command says had been read then, and the snapshot was made.
func (p *plane) push(command *command) (time.Time, error) {
	state := &cache.Snapshot{}
	p.mutex.Lock()
	if before := p.states[command.Node]; before != nil {
		state.Resources = before.Resources
		state.VersionMap = maps.Clone(before.VersionMap)
	} else {
		// Without a version nothing is sent, and who starts waits for both, even if there is none.
		state.Resources[types.Cluster].Version, state.Resources[types.Listener].Version = "0", "0"
	}
	p.mutex.Unlock()
	if state.VersionMap == nil {
		state.VersionMap = map[string]map[string]string{}
	}
	changes := newChanges(state)
	if command.Replace {
		changes.clear()
	}
	for _, given := range command.Set {
		if err := changes.set(given); err != nil {
			return time.Time{}, err
		}
	}
	for typeURL, names := range command.Remove {
		if err := changes.remove(typeURL, names); err != nil {
			return time.Time{}, err
		}
	}
	p.pushes++
	if err := changes.finish(fmt.Sprint(p.pushes), command.Versions); err != nil {
		return time.Time{}, err
	}
	p.mutex.Lock()
	p.states[command.Node] = state
	p.mutex.Unlock()
	set := time.Now()
	return set, p.snapshots.SetSnapshot(context.Background(), command.Node, state)
}

// changes is the making of a snapshot of which only some types differ from the one before: what is the same is shared.
type changes struct {
	state   *cache.Snapshot
	touched map[types.ResponseType]string
}

func newChanges(state *cache.Snapshot) *changes {
	return &changes{state: state, touched: map[types.ResponseType]string{}}
}

// touch makes a type's maps this snapshot's own.
func (c *changes) touch(typeURL string) (types.ResponseType, error) {
	kind := cache.GetResponseType(typeURL)
	if kind == types.UnknownType {
		return kind, fmt.Errorf("type %q: expected one that snapshots have; others can be sent with respond", typeURL)
	}
	if _, is := c.touched[kind]; !is {
		c.touched[kind] = typeURL
		items, versions := maps.Clone(c.state.Resources[kind].Items), maps.Clone(c.state.VersionMap[typeURL])
		if items == nil {
			items = map[string]types.ResourceWithTTL{}
		}
		if versions == nil {
			versions = map[string]string{}
		}
		c.state.Resources[kind].Items, c.state.VersionMap[typeURL] = items, versions
	}
	return kind, nil
}

func (c *changes) clear() {
	for kind := range c.state.Resources {
		typeURL, err := cache.GetResponseTypeURL(types.ResponseType(kind))
		if err == nil && len(c.state.Resources[kind].Items) > 0 {
			c.touched[types.ResponseType(kind)] = typeURL
			c.state.Resources[kind].Items = map[string]types.ResourceWithTTL{}
			c.state.VersionMap[typeURL] = map[string]string{}
		}
	}
}

func (c *changes) set(given *resource) error {
	message, typeURL, err := given.message()
	if err != nil {
		return err
	}
	kind, err := c.touch(typeURL)
	if err != nil {
		return err
	}
	name := cache.GetResourceName(message)
	if name == "" {
		return fmt.Errorf("a resource of %s: expected a name", typeURL)
	}
	item := types.ResourceWithTTL{Resource: message}
	if given.TTL != "" {
		ttl, err := time.ParseDuration(given.TTL)
		if err != nil {
			return err
		}
		item.TTL = &ttl
	}
	bytes, err := cache.MarshalResource(message)
	if err != nil {
		return err
	}
	c.state.Resources[kind].Items[name] = item
	c.state.VersionMap[typeURL][name] = cache.HashResource(bytes)
	return nil
}

func (c *changes) remove(typeURL string, names []string) error {
	kind, err := c.touch(typeURL)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, has := c.state.Resources[kind].Items[name]; !has {
			return fmt.Errorf("cannot remove %q: there is no such resource of %s", name, typeURL)
		}
		delete(c.state.Resources[kind].Items, name)
		delete(c.state.VersionMap[typeURL], name)
	}
	return nil
}

// finish gives each type that changed a version: the count of pushes, or what the command says.
func (c *changes) finish(version string, versions map[string]string) error {
	for typeURL := range versions {
		if _, err := c.touch(typeURL); err != nil {
			return err
		}
	}
	for kind, typeURL := range c.touched {
		c.state.Resources[kind].Version = version
		if own, has := versions[typeURL]; has {
			c.state.Resources[kind].Version = own
		}
	}
	return nil
}
