#pragma once

// What a listener keeps of a connection that it accepted, whatever its terminal filter is.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/access/request.h"
#include "source/base/intrusive_list.h"
#include "source/config/network_filter.h"
#include "source/event/shared.h"
#include "source/event/worker.h"
#include "source/listener/accepted.h"
#include "source/metadata/annotations.h"
#include "source/net/connection.h"
#include "source/net/proxy_head.h"
#include "source/net/proxy_tlvs.h"
#include "source/telemetry/access_log.h"

namespace pillion::proxy {

using AccessLogs = std::vector<std::unique_ptr<telemetry::AccessLog>>;

struct ListenerConnectionTag {};
class FilterChainShard;

// Disposes of itself when it has closed, after telling its owner.
class ListenerConnection : public base::ListNode<ListenerConnectionTag>, public event::Deferred {
 public:
  virtual void Start() = 0;
  // Ends when its last stream does; at once when there is none.
  virtual void StartDrain() = 0;
  // Timeouts that get shorter under load have changed.
  virtual void Rescale() {}
  // In this turn, whatever is in flight.
  virtual void CloseNow() = 0;
  // Requests that come from now on are those of `chain`, which another configuration of the listener has for it. False: it
  // has none, or can't go on under that chain; nothing has changed then.
  virtual bool Follow(FilterChainShard& chain) = 0;
  // Whether a connection to a host that is its alone may go on with the certificates of now.
  virtual bool UpstreamStands() { return true; }
  // One too many: it was never part of what its chain counts.
  virtual bool refused() const { return false; }
  // When it has closed: a line of the whole connection in each of them.
  virtual void Log(const AccessLogs& logs) = 0;

  uint64_t id() const { return id_; }  // in the process
  base::MonotonicTime started() const { return started_; }
  // Both ends as the access log names them; made when first asked for, and good as long as the connection.
  const std::string& remote_text();
  const std::string& local_text();
  std::string_view remote_ip();  // without the port; empty for a unix socket
  // Of the peer itself, where a header has said that it speaks for somebody else.
  const std::string& direct_remote_text();
  // Where the connection arrived, wherever it was meant to go.
  const std::string& direct_local_text();
  // That a TLS client asked for; empty where nobody looked.
  std::string_view server_name();
  const listener::SocketFacts* facts() const { return facts_.get(); }
  // Where connections to hosts come from for it (net/own_source.h); empty: from here.
  std::string_view source() const { return facts_ == nullptr ? std::string_view() : facts_->source; }
  // What listener filters have noted of it, for each stream and each log line of its own.
  bool has_notes() const {
    return facts_ != nullptr && !(facts_->notes.empty() && facts_->objects.empty() && facts_->passed == nullptr);
  }
  void CopyNotes(base::Arena& arena, metadata::Annotations& to) const;
  // Sets objects of its filter state, which is kept with its facts: there are some. SetOnHandshake(): others follow when its
  // TLS handshake is over; `states` outlive the connection.
  void SetObjects(const std::vector<config::FilterStateObject>& objects);
  void SetOnHandshake(const std::vector<const config::ConnectionState*>& states) { on_handshake_ = &states; }
  // What rules about access ask of it, and what they have found out; made when first asked for.
  const access::ConnectionFacts& access_facts() { return access().facts; }
  access::Findings& access_findings() { return access().findings; }
  void DescribeFingerprints(telemetry::RequestRecord& record) const {
    if (facts_ == nullptr) return;
    record.tls_ja3_fingerprint = facts_->ja3;
    record.tls_ja4_fingerprint = facts_->ja4;
  }
  // Where it was meant to go before it was redirected; nothing where it was not.
  std::optional<net::Address> original_destination();

  // The head of the PROXY protocol that tells a host of it; `tlvs` may be null.
  std::string ProxyHead(net::ProxyVersion version, const net::ProxyTlvs* tlvs);

  net::Transport& transport();

  // Objects that go on with internal connections which are made for this one (upstream::ConnectionNeeds::passed).
  std::string ObjectsToPass() const;

  // What is known of it by TLS; null: it is none.
  tls::Facts* tls();

  // When it is cut short, because its identity has ended; the beginning of time: never.
  base::MonotonicTime end_by() const { return end_by_; }
  void set_end_by(base::MonotonicTime time) { end_by_ = time; }

  // For who made it: the filter chain that it was made by, which it keeps, and the one that it is judged by now.
  FilterChainShard& maker() { return *maker_; }
  FilterChainShard& chain() { return *chain_; }
  void set_maker(FilterChainShard& chain);
  void set_chain(FilterChainShard& chain);

 protected:
  ListenerConnection(event::Worker& worker, std::unique_ptr<listener::SocketFacts> facts);
  ~ListenerConnection();

  // The downstream one.
  virtual net::Connection& connection() = 0;

  // Why it was ended from here, in Envoy's words. Static.
  void set_local_close_reason(std::string_view reason) { local_close_reason_ = reason; }
  std::string_view local_close_reason() const { return local_close_reason_; }
  // A TLS handshake is over.
  void NoteHandshake();

  // What the line of every connection has.
  void Describe(telemetry::RequestRecord& record);

 private:
  struct Access {
    const access::ConnectionFacts facts;
    access::Findings findings;
  };

  Access& access() {
    if (access_ == nullptr) [[unlikely]] MakeAccess();
    return *access_;
  }
  void MakeAccess();

  event::Worker& worker_;
  const uint64_t id_;
  const base::MonotonicTime started_;
  const base::WallTime started_wall_;
  const std::unique_ptr<listener::SocketFacts> facts_;  // null: no listener filter looked
  event::Kept<FilterChainShard> maker_;
  event::Kept<FilterChainShard> chain_;
  base::MonotonicTime end_by_{};
  base::MonotonicTime handshaken_{};  // zero: not, or there is none
  const std::vector<const config::ConnectionState*>* on_handshake_ = nullptr;  // of its chain; null: nothing
  std::string_view local_close_reason_;
  std::shared_ptr<tls::Facts> tls_;  // when first asked for
  std::string remote_text_;
  std::string local_text_;
  std::string direct_remote_text_;
  std::string direct_local_text_;
  std::unique_ptr<Access> access_;
};

class ListenerConnectionOwner {
 public:
  // There is another filter chain for clients of the connection that ask TLS for `host`, in lower case, by name.
  virtual bool BelongsElsewhere(ListenerConnection& connection, net::Transport& transport, std::string_view host) = 0;
  // The connection has closed and goes at the end of this turn.
  virtual void OnConnectionGone(ListenerConnection& connection) = 0;

 protected:
  ~ListenerConnectionOwner() = default;
};

}  // namespace pillion::proxy
