#pragma once

// What a route makes of a request's path and host, and where it redirects to. Results lie in the request's arena, in
// the configuration or in the request.

#include <optional>
#include <string_view>

#include "source/config/route.h"
#include "source/http/message.h"
#include "source/telemetry/request_record.h"

namespace pillion::route {

// The path, with its query, after `rewrite`; `match` is what the route was chosen by. The request's own where there is
// no rewrite. It always begins with a slash.
std::string_view RewrittenPath(const config::PathRewrite& rewrite, const match::RequestMatcher& match,
                               const telemetry::RequestRecord& record, const http::RequestHead& head);

// The new authority; nothing where it stays. EndpointHost is not known here.
std::optional<std::string_view> RewrittenHost(const config::HostRewrite& rewrite,
                                              const telemetry::RequestRecord& record, const http::RequestHead& head);

// What Location says (RFC 9110, 10.2.2).
std::string_view RedirectLocation(const config::Redirect& redirect, const match::RequestMatcher& match,
                                  const http::RequestHead& head);

}  // namespace pillion::route
