#pragma once

// An HTTP filter: what stands between downstream and the router, looks at messages and changes, holds or answers them.
//
// | class            | is                                  | lives                             | thread     |
// |------------------|-------------------------------------|-----------------------------------|------------|
// | HttpFilterConfig | the configuration, checked          | with the configuration; immutable | any        |
// | HttpFilterShard  | a worker's part: counters, tables   | with the connection manager       | its worker |
// | HttpFilter       | one stream's part                   | with the stream, in its arena     | its worker |
//
// Request hooks run in the order of the configuration, response hooks in the opposite one. Only the chain calls hooks,
// and only those that the mask names: a filter that looks at heads costs nothing on bodies. A hook never waits: it
// returns kPause, and the filter calls Continue...() later (from a timer, an answer); that takes effect in a step of
// the loop, never inside the call.
//
// While a filter holds one direction, the side that it comes from is not read. What was read already waits before it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "source/base/buffer.h"
#include "source/base/random.h"
#include "source/config/filter_config.h"
#include "source/event/worker.h"
#include "source/filter/cluster_calls.h"
#include "source/filter/feature.h"
#include "source/filter/stream_context.h"
#include "source/http/message.h"
#include "source/stats/registry.h"

namespace pillion::filter {

// What comes after a hook.
enum class Step : uint8_t {
  kContinue,
  // Nothing passes this filter in this direction until Continue...().
  kPause,
  // From a head's hook: the rest of the message is collected, then OnRequestBody() or OnResponseBody() is called. A
  // message without a body goes on as with kContinue.
  kCollect,
  // From a data hook: the bytes and the end are the filter's; it sends them on with Emit...(). From a trailers hook: there
  // are none any more, and the end is the filter's.
  kTake,
};

// The hooks that a filter uses.
enum Hook : uint32_t {
  kRequestHead = 1u << 0,
  kRequestData = 1u << 1,
  kRequestTrailers = 1u << 2,
  kResponseHead = 1u << 3,
  kResponseData = 1u << 4,
  kResponseTrailers = 1u << 5,
  kAttempt = 1u << 6,
  kEnd = 1u << 7,
};

class HttpChain;
class HttpGate;

class HttpFilter {
 public:
  virtual ~HttpFilter() = default;

  // `end`: there is no body. Data may be changed or replaced in place.
  virtual Step OnRequestHead(http::RequestHead&, bool /*end*/) { return Step::kContinue; }
  virtual Step OnRequestData(base::Slice&, bool /*end*/) { return Step::kContinue; }
  virtual Step OnRequestTrailers(http::HeaderMap&) { return Step::kContinue; }
  virtual Step OnResponseHead(http::ResponseHead&, bool /*end*/) { return Step::kContinue; }
  virtual Step OnResponseData(base::Slice&, bool /*end*/) { return Step::kContinue; }
  virtual Step OnResponseTrailers(http::HeaderMap&) { return Step::kContinue; }

  // After kCollect: the whole body, with its trailers or null. What is in `body` afterwards is what goes on; whoever
  // changes its size sees to content-length, which the head (not sent on yet) still says.
  virtual Step OnRequestBody(base::Buffer& /*body*/, http::HeaderMap* /*trailers*/) { return Step::kContinue; }
  virtual Step OnResponseBody(base::Buffer& /*body*/, http::HeaderMap* /*trailers*/) { return Step::kContinue; }

  // Bytes that may be collected; more is answered with 413, or 500 for a response, or dropped.
  virtual size_t collect_limit() const { return SIZE_MAX; }
  virtual bool drops_excess() const { return false; }

  // Just before the head of an attempt is sent to the host that was chosen. What is written to the head stays in it for
  // further attempts, so it is set, not added.
  virtual void OnAttempt(http::RequestHead&, const Attempt&) {}

  // The stream is over, however it ended; before its line goes to the log. No call has an effect any more.
  virtual void OnEnd() {}

 protected:
  StreamContext& stream() const { return *stream_; }

  // Has the route chosen once more, as the stream does, and says what this filter is by what that says: it was made by the
  // route before. Not before its hooks.
  FilterPart ChooseRoute();
  // After kPause of a hook of that direction; else without effect.
  void ContinueRequest();
  void ContinueResponse();
  // The request is answered here: what has come of it is dropped, the reply goes through the response hooks of all
  // filters. Once a response has begun to go downstream, it is broken off instead. In a hook: return kPause with it.
  void SendReply(const Reply& reply);
  // Bytes of the filter's own or that it has taken; not from inside a hook. Continues with the next filter.
  void EmitRequestData(base::Slice data, bool end);
  void EmitResponseData(base::Slice data, bool end);
  // The filter holds as much as it wants: the side that sends is not read until it is told otherwise. A response's, once its
  // head has come.
  void HoldRequest(bool hold);
  void HoldResponse(bool hold);

 private:
  friend class HttpChain;
  HttpChain* chain_ = nullptr;
  StreamContext* stream_ = nullptr;
  uint32_t index_ = 0;
};

// How this process and its clusters are, as one worker sees it.
class HealthView {
 public:
  struct Members {
    size_t total = 0;
    size_t healthy = 0;
  };

  // The administration has said that this process is to be taken for failed.
  virtual bool failed() const = 0;
  // Nothing: there is no such cluster.
  virtual std::optional<Members> MembersOf(std::string_view cluster) const = 0;

 protected:
  ~HealthView() = default;
};

// What a filter may need of its worker.
struct ShardContext {
  event::Worker& worker;
  base::Random& random;
  stats::Registry& registry;
  stats::Shard& stats;
  const stats::Prefix& stat_prefix;  // "http.<stat_prefix of the connection manager>."
  const HealthView& health;
  ClusterCalls& calls;
  std::string_view name;  // the filter's, as its chain has it
};

class HttpFilterShard {
 public:
  virtual ~HttpFilterShard() = default;

  // The filter of a stream, in the stream's arena; null where it has nothing to do with this one. Asked when the request's
  // head comes to its place, so that the route is the one that the filters before it have left it; if an answer is given
  // before that, then. `override_config` is what the route, virtual host or table says for it, the most specific of them;
  // null: none does.
  virtual HttpFilter* Make(StreamContext& stream, const config::FilterConfig* override_config) = 0;
  // The same where the filter is disabled for the request. Only one that guards something has anything to do then.
  virtual HttpFilter* MakeDisabled(StreamContext& /*stream*/) { return nullptr; }
  // Itself, where its filters keep nothing of a stream (http_gate.h); null: they do.
  virtual HttpGate* gate() { return nullptr; }
};

class HttpFilterConfig : public config::FilterConfig {
 public:
  virtual uint32_t hooks() const = 0;
  // For requests for which that is turned off the filter is disabled.
  virtual std::optional<Feature> feature() const { return std::nullopt; }
  // The configuration outlives the shard.
  virtual std::unique_ptr<HttpFilterShard> MakeShard(const ShardContext& context) const = 0;
};

}  // namespace pillion::filter
