#pragma once

// A filter that keeps nothing of a stream: it looks at a request's head once, and lets it pass or answers.
//
// Where gates stand before all other filters, the stream asks them itself, and has no chain for them: one costs a call.
// Behind others it is a filter of the chain as any.

#include <optional>

#include "source/filter/http_filter.h"

namespace pillion::filter {

// Of a worker; its configuration names no hook but kRequestHead.
class HttpGate : public HttpFilterShard {
 public:
  // Nothing: the request passes. `override_config` as with Make().
  virtual std::optional<Reply> Check(StreamContext& stream, const config::FilterConfig* override_config) = 0;

  HttpGate* gate() final { return this; }
  HttpFilter* Make(StreamContext& stream, const config::FilterConfig* override_config) final;
};

}  // namespace pillion::filter
