#pragma once

// What a proxy changes in heads that it passes on: the request toward upstream, the response toward downstream.

#include "source/config/listener.h"
#include "source/http/message.h"
#include "source/net/address.h"
#include "source/proxy/worker_context.h"

namespace pillion::proxy {

// When the request has come and before a route is chosen: the authority, x-forwarded-proto, x-forwarded-for,
// x-request-id, via, and who we are (add_user_agent).
void PrepareRequest(http::RequestHead& head, const config::HttpConnectionManager& config, net::Transport& transport,
                    WorkerContext& context);

// The client's address where proxies that we trust stand between it and the peer (x-forwarded-for of a prepared head),
// as "192.0.2.1:0" in the head's arena; empty: it is the peer.
std::string_view ClientAddress(const http::RequestHead& head, const config::HttpConnectionManager& config,
                               const net::Address& peer);

// Just before the head goes upstream: x-envoy-expected-rq-timeout-ms. `timeout` zero: there is none.
void PrepareAttempt(http::RequestHead& head, const config::HttpConnectionManager& config, base::Duration timeout);

// Before any response goes downstream: server, date, via.
void PrepareResponse(http::ResponseHead& head, const config::HttpConnectionManager& config, WorkerContext& context);

// A response from upstream: how long it took to begin (x-envoy-upstream-service-time).
void AddServiceTime(http::ResponseHead& head, const config::HttpConnectionManager& config, base::Duration took);

}  // namespace pillion::proxy
