#pragma once

// The connections of one worker to one host with one protocol.
//
// A request takes the connection that was used last and has capacity (HTTP/1: one stream, HTTP/2: as the peer allows).
// Without one it waits, first come, first served, and takes what is ready first: a connection that becomes free, or a
// new one. New connections are opened while more requests wait than those being opened will take; a connection that is
// being opened counts with what its configuration allows, so that a burst opens one HTTP/2 connection and not hundreds.
//
// When a connect fails, the requests that the others being opened have no room for fail with it, the oldest first:
// nobody waits for a connection that nobody opens, and a retry may choose another host.
//
// Bounds: connections, waiting requests and requests over the whole process by the cluster's breakers (a pool without
// any connection may always have one), per connection its requests, its age, its idle time.
//
// Owned by its ClusterShard; on its worker. A draining pool still serves requests, but no connection outlives its
// streams; it ends when it has no connection and no waiter refers to it.

#include <memory>
#include <string>
#include <string_view>

#include "source/base/intrusive_list.h"
#include "source/codec/codec.h"
#include "source/config/priority.h"
#include "source/event/worker.h"
#include "source/upstream/client_codecs.h"
#include "source/upstream/host.h"

namespace pillion::tls {
class Context;
class IdentityChecks;
}

namespace pillion::upstream {

class ClusterShard;
class Pool;
class PooledConnection;
struct PooledConnectionTag {};

enum class PoolFailure : uint8_t {
  kOverflow,        // a breaker is at its limit
  kConnectFailed,   // errno is given
  kConnectTimeout,
};

// What a request asks of the connections that it goes by, beside the host and the protocol: they serve none that asks for
// something else.
struct ConnectionNeeds {
  std::string_view server_name = {};  // that TLS asks for; empty: as the cluster says
  std::string_view proxy_head = {};   // of the PROXY protocol, where the host is to get one; empty: our own
  // Of TLS as well, several with commas between: one of these names must be the certificate's, and these are the protocols
  // that are offered; empty: as the cluster says.
  std::string_view expected_names = {};
  std::string_view alpn = {};
  std::string_view passed = {};  // objects that an internal listener is told (net/passed.h)
  std::string_view source = {};  // where they come from (net/own_source.h); empty: as the cluster says

  bool of_tls() const { return !server_name.empty() || !expected_names.empty() || !alpn.empty(); }
  bool empty() const { return !of_tls() && !of_client() && passed.empty(); }
  // Nobody but this client will ask for the same.
  bool of_client() const { return !proxy_head.empty() || !source.empty(); }
  bool operator==(const ConnectionNeeds&) const = default;
};

struct PoolWaiterTag {};

// A request that wants a stream, then has one. Owned by its upstream request. It keeps the pool and the host that it
// asked last for as long as it lives.
class PoolWaiter : public base::ListNode<PoolWaiterTag> {
 public:
  explicit PoolWaiter(config::Priority priority) : priority_(priority) {}

  // What the stream's events go to.
  virtual codec::ResponseReceiver& receiver() = 0;

  // The stream is open; its SendHead() is called within this call. `connection` is valid while the stream is.
  virtual void OnPoolReady(codec::ClientStream& stream, PooledConnection& connection) = 0;

  // No stream will come. Request() may be called again.
  virtual void OnPoolFailure(PoolFailure failure, int error) = 0;

  // To be called when the stream is over (by the rules of codec.h): gives back what it held of the breakers and
  // figures. Does nothing a second time.
  void ReleaseStream();

  config::Priority priority() const { return priority_; }

 protected:
  // Cancels and releases.
  ~PoolWaiter();

 private:
  friend class Pool;
  enum class State : uint8_t { kIdle, kQueued, kStreaming };

  const config::Priority priority_;
  State state_ = State::kIdle;
  Pool* pool_ = nullptr;  // that was asked last
};

// At most, of connections that no request asks for yet, for each one that does.
inline constexpr int kMostPreconnects = 3;

// What there is to do, and what connections could do, open ones and those being opened.
struct PoolLoad {
  uint64_t streams = 0;   // open, or wait for a connection
  uint64_t capacity = 0;  // all streams that there could be

  bool WantsMore(double ratio) const { return static_cast<double>(streams) * ratio > static_cast<double>(capacity); }
};

class Pool {
 public:
  // Takes over one pool of the breaker of `priority`, which it gives back in the end.
  Pool(ClusterShard& cluster, std::shared_ptr<Host> host, Protocol protocol, config::Priority priority,
       const ConnectionNeeds& needs = {});
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  // No waiter refers to it; connections that are left are gone at once.
  ~Pool();

  struct Result {
    enum Kind : uint8_t { kReady, kQueued, kOverflow } kind;
    codec::ClientStream* stream = nullptr;     // kReady: its SendHead() is called at once
    PooledConnection* connection = nullptr;
  };

  // Never calls `waiter` at once. kQueued: OnPoolReady() or OnPoolFailure() follows in a later step of the loop.
  [[nodiscard]] Result Request(PoolWaiter& waiter);
  // A queued waiter leaves; a connection that was being opened for it goes on and becomes idle.
  void Cancel(PoolWaiter& waiter);

  // Opens a connection for a stream that is expected, if `ratio` (config::Preconnect) asks for one then. False: it did not.
  bool PreconnectAhead(double ratio, config::Priority priority);
  PoolLoad load();

  ClusterShard& cluster() { return cluster_; }
  const std::shared_ptr<Host>& host() const { return host_; }
  Protocol protocol() const { return protocol_; }
  // Lives as long as the pool.
  ConnectionNeeds needs() const { return {server_name_, proxy_head_, expected_names_, alpn_, passed_, source_}; }
  // When a request asked for it last; kept of those with needs.
  base::MonotonicTime asked() const { return asked_; }
  void set_asked(base::MonotonicTime now) { asked_ = now; }
  // Why the last connect failed, where errno does not tell all.
  const std::string& failure_text() const { return failure_text_; }
  config::Priority priority() const { return priority_; }  // of the request that it was made for

  // No waiter refers to it.
  bool idle() const { return references_ == 0; }
  // It counts no longer, whatever is left of it.
  void LeaveBreaker();

  // Idle connections close now, others when their last stream is over.
  void Drain();
  // The same of those that there are now: whoever asks from now on gets new ones.
  void RetireAll();
  // Looks at connections that `check` has not looked at, as many as `checks` gives looks: those that may not go on under
  // `current`, which may be null, are retired, and end after `drain_time` at the latest. False: some are left.
  bool CheckIdentities(tls::IdentityChecks& checks, const tls::Context* current, uint32_t check, base::Duration drain_time);
  // Nothing is left of it, and it drains or is only for few.
  bool empty() {
    return (draining_ || !needs().empty()) && connecting_.empty() && ready_.empty() && others_.empty() &&
           references_ == 0;
  }

 private:
  friend class PoolWaiter;
  friend class PooledConnection;
  using Connections = base::IntrusiveList<PooledConnection, PooledConnectionTag>;

  // Told by connections.
  void OnConnected(PooledConnection& connection);
  void OnConnectFailed(PooledConnection& connection, PoolFailure failure, int error);
  void OnRetired(PooledConnection& connection);
  void OnEnded(PooledConnection& connection);
  // Its capacity changed: puts it into the list where it belongs, in front.
  void Place(PooledConnection& connection);

  PooledConnection* FindReady();
  Result OpenStream(PoolWaiter& waiter, PooledConnection& connection);
  void LeaveQueue(PoolWaiter& waiter);
  void Refer(PoolWaiter& waiter);
  void OpenConnections(config::Priority priority);
  bool OpenConnection(config::Priority priority);
  void Preconnect(config::Priority priority);
  bool MayPreconnect() const;
  void RequestStep();
  void RetireConnections();
  void Step();
  void ServeWaiting();
  void FailSurplus();

  ClusterShard& cluster_;
  const std::shared_ptr<Host> host_;
  const Protocol protocol_;
  const config::Priority priority_;
  const std::string server_name_;
  const std::string proxy_head_;
  const std::string expected_names_;
  const std::string alpn_;
  const std::string passed_;
  const std::string source_;
  HostFigures& figures_;
  event::Task step_;

  base::IntrusiveList<PoolWaiter, PoolWaiterTag> waiting_;
  size_t waiting_count_ = 0;
  size_t streaming_ = 0;   // waiters that have a stream
  size_t references_ = 0;  // waiters that asked this pool last

  // A connection stands in one of the three.
  Connections connecting_;
  Connections ready_;  // that can take a stream; the one used last in front
  Connections others_;
  size_t serving_ = 0;                // connections that are connecting or open
  uint64_t connecting_capacity_ = 0;  // streams that those being opened will take
  bool draining_ = false;
  bool retires_all_ = false;  // in the next step
  bool counted_ = true;  // by the breaker

  // A connect has failed since the last step.
  bool connect_failed_ = false;
  PoolFailure failure_ = PoolFailure::kConnectFailed;
  int error_ = 0;
  std::string failure_text_;
  base::MonotonicTime asked_{};
  Protocol agreed_ = Protocol::kHttp2;  // of kAuto: on what the last connection agreed
};

}  // namespace pillion::upstream
