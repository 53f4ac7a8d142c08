// A control plane in the hands of a test: github.com/envoyproxy/go-control-plane serves what the commands on standard input say, and
// each thing that happens is a line on standard output. README.md has both languages. It ends with its standard input.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extensionservice "github.com/envoyproxy/go-control-plane/envoy/service/extension/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/config"
	"github.com/envoyproxy/go-control-plane/pkg/server/sotw/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"github.com/envoyproxy/go-control-plane/pkg/test/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "control-plane:", err)
		os.Exit(1)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:0", "where to listen: host:port, or unix:path")
	ads := flag.Bool("ads", false, "for streams of all types: answers in the order that makes before it breaks")
	heartbeat := flag.Duration("heartbeat", 0, "how often resources with a TTL are said to live, over the state of the world")
	restful := flag.String("rest", "", "where to answer to REST, if anywhere: host:port")
	certificate := flag.String("cert", "", "a PEM file, for TLS")
	key := flag.String("key", "", "a PEM file, the key of -cert")
	clientCA := flag.String("client-ca", "", "a PEM file, for mutual TLS")
	flag.Parse()

	options, err := transport(*certificate, *key, *clientCA)
	if err != nil {
		return err
	}
	ctx := context.Background()
	plane := newPlane()
	if *heartbeat > 0 {
		plane.snapshots = cache.NewSnapshotCacheWithHeartbeating(ctx, *ads, plane, nil, *heartbeat)
	} else {
		plane.snapshots = cache.NewSnapshotCache(*ads, plane, nil)
	}
	if _, err := plane.push(&command{}); err != nil {
		return err
	}
	var ordered []config.XDSOption
	if *ads {
		ordered = append(ordered, sotw.WithOrderedADS())
	}
	served := server.NewServer(ctx, plane.watches, plane.callbacks(), ordered...)
	options = append(options, grpc.StreamInterceptor(plane.streams.intercept), grpc.UnknownServiceHandler(plane.unknown))
	grpcServer := grpc.NewServer(options...)
	test.RegisterServer(grpcServer, served)
	extensionservice.RegisterExtensionConfigDiscoveryServiceServer(grpcServer, served)

	network, address := "tcp", *listen
	if path, is := strings.CutPrefix(address, "unix:"); is {
		network, address = "unix", path
	}
	// What is served is known before anybody is let in: the commands up to the first "listen" come first.
	commands := newCommands(os.Stdin)
	if err := commands.until(plane, "listen"); err != nil {
		return err
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	if *restful != "" {
		front, err := net.Listen("tcp", *restful)
		if err != nil {
			return err
		}
		go http.Serve(front, plane.gateway(served))
	}
	plane.events.say(map[string]any{"event": "listening", "address": listener.Addr().String()})
	go grpcServer.Serve(listener)
	return commands.until(plane, "")
}

func transport(certificate, key, clientCA string) ([]grpc.ServerOption, error) {
	if certificate == "" {
		return nil, nil
	}
	own, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	made := &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	if clientCA != "" {
		pem, err := os.ReadFile(clientCA)
		if err != nil {
			return nil, err
		}
		made.ClientCAs, made.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		if !made.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: no certificate in it", clientCA)
		}
	}
	return []grpc.ServerOption{grpc.Creds(credentials.NewTLS(made))}, nil
}

// gateway answers to REST.
func (p *plane) gateway(served server.Server) http.Handler {
	inner := &server.HTTPGateway{Server: served}
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		body, code, err := inner.ServeHTTP(request)
		if err != nil {
			http.Error(writer, err.Error(), code)
			return
		}
		writer.WriteHeader(code)
		writer.Write(body)
	})
}

// ID names the snapshot of a node: its own, if a command gave it one, else everybody's.
func (p *plane) ID(node *core.Node) string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if _, has := p.states[node.GetId()]; has {
		return node.GetId()
	}
	return ""
}
