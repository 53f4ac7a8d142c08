#pragma once

// What a proxy changes in heads that it passes on: the request toward upstream, the response toward downstream.

#include "source/config/listener.h"
#include "source/http/message.h"
#include "source/net/address.h"
#include "source/proxy/worker_context.h"

namespace pillion::proxy {

// When the request has come and before a route is chosen: the authority, x-forwarded-proto, x-forwarded-for,
// x-request-id, via.
void PrepareRequest(http::RequestHead& head, const config::HttpConnectionManager& config, net::Transport& transport,
                    WorkerContext& context);

// Just before the head goes upstream: x-envoy-expected-rq-timeout-ms. `timeout` zero: there is none.
void PrepareAttempt(http::RequestHead& head, const config::HttpConnectionManager& config, base::Duration timeout);

// Before any response goes downstream: server, date, via.
void PrepareResponse(http::ResponseHead& head, const config::HttpConnectionManager& config, WorkerContext& context);

// A response from upstream: how long it took to begin (x-envoy-upstream-service-time).
void AddServiceTime(http::ResponseHead& head, const config::HttpConnectionManager& config, base::Duration took);

}  // namespace pillion::proxy
