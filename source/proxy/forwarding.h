#pragma once

// What a proxy changes in heads that it passes on: the request toward upstream, the response toward downstream.

#include "source/config/listener.h"
#include "source/http/message.h"
#include "source/proxy/requester.h"
#include "source/proxy/worker_context.h"

namespace pillion::proxy {

// When the request has come and before a route is chosen: x-request-id, via, user-agent.
void PrepareRequest(http::RequestHead& head, const config::HttpConnectionManager& config, const Requester& requester,
                    WorkerContext& context);

// Just before the head goes upstream: x-envoy-expected-rq-timeout-ms. `timeout` zero: there is none.
void PrepareAttempt(http::RequestHead& head, const config::HttpConnectionManager& config, base::Duration timeout);

// Before any response goes downstream: server, date, via.
void PrepareResponse(http::ResponseHead& head, const config::HttpConnectionManager& config, WorkerContext& context);

// A response from upstream: how long it took to begin (x-envoy-upstream-service-time).
void AddServiceTime(http::ResponseHead& head, const config::HttpConnectionManager& config, base::Duration took);

}  // namespace pillion::proxy
