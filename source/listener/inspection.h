#pragma once

// The listener filters of one connection, one after the other, before its filter chain is chosen.
//
// | state   | left by                                                                                     |
// |---------|---------------------------------------------------------------------------------------------|
// | running | a filter that needs more bytes than are there: waiting. The last filter's end: ended        |
// | waiting | bytes: running. The peer's end, an error, the time: ended                                   |
// | ended   | destroyed at the end of the turn; the connection has gone on to the owner, or is closed      |
//
// Bytes are read, not peeked at, so that an edge is never missed; those that no filter took go on with the connection.
// Owned by the list of its owner on the worker; disposes of itself.

#include <memory>
#include <string_view>
#include <vector>

#include "source/base/intrusive_list.h"
#include "source/base/timer_wheel.h"
#include "source/codec/sniff/found.h"
#include "source/config/listener.h"
#include "source/event/worker.h"
#include "source/listener/accepted.h"
#include "source/listener/lookahead.h"
#include "source/listener/stats.h"

namespace pillion::listener {

struct InspectionTag {};
class Inspection;

enum class InspectionEnd : uint8_t {
  kDone,
  kTimeout,     // the connection goes on where that is configured
  kRefused,     // by a filter
  kPeerClosed,  // before a filter had what it needs
  kError,
};

class InspectionOwner {
 public:
  // The last call. `accepted` goes on for kDone, and for kTimeout where the listener is configured so; else its transport
  // is closed behind this call.
  virtual void OnInspected(Inspection& inspection, InspectionEnd end, Accepted& accepted) = 0;

 protected:
  ~InspectionOwner() = default;
};

// One filter on one worker.
struct FilterShard {
  const config::ListenerFilter& config;
  FilterStats stats;
};

class Inspection final : public base::ListNode<InspectionTag>,
                         public event::Deferred,
                         private net::TransportEvents {
 public:
  Inspection(event::Worker& worker, std::shared_ptr<std::vector<FilterShard>> filters, base::Duration timeout,
             InspectionOwner& owner, Accepted accepted);

  // May end it at once.
  void Start();
  // In this turn; the owner is told kRefused.
  void Close() { End(InspectionEnd::kRefused); }
  base::Duration age() const { return worker_.now() - begun_; }

 private:
  enum class Verdict : uint8_t { kContinue, kNeedMore, kRefuse };

  ~Inspection() = default;
  void Dispose() override { delete this; }

  void OnTransportReady(event::Readiness readiness) override;
  // Runs filters until they need more than there is.
  void Run();
  Verdict Apply(FilterShard& filter);
  Verdict Apply(const config::TlsInspector& filter, FilterStats& stats);
  Verdict Apply(const config::HttpInspector& filter, FilterStats& stats);
  Verdict Apply(const config::OriginalDst& filter, FilterStats& stats);
  Verdict Apply(const config::OriginalSrc& filter, FilterStats& stats);
  // What an internal connection was told of where it was meant to go, and of who made it.
  void TakePassedAddresses();
  // Its listener looks at no connection.
  Verdict Apply(const config::MissingFilter&, FilterStats&) { return Verdict::kRefuse; }
  // From now on the local address is where the connection was meant to go.
  void RestoreLocal(const net::Address& meant);
  Verdict Apply(const config::ProxyProtocol& filter, FilterStats& stats);
  // False: nothing new is there now, or the inspection has ended.
  bool Read();
  void End(InspectionEnd end);

  event::Worker& worker_;
  const std::shared_ptr<std::vector<FilterShard>> filters_;
  const base::MonotonicTime begun_;
  const base::Duration timeout_;
  InspectionOwner& owner_;
  Accepted accepted_;
  Lookahead lookahead_;
  base::Timer timer_;
  size_t next_ = 0;          // filter
  size_t read_hint_ = 4000;  // bytes of the first block
  bool ended_ = false;
};

}  // namespace pillion::listener
