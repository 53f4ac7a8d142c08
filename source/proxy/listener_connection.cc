#include "source/proxy/listener_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>

#include "source/proxy/connection_facts.h"
#include "source/proxy/filter_chain.h"
#include "source/tls/facts.h"

namespace pillion::proxy {
namespace {

uint64_t NextId() {
  static std::atomic<uint64_t> next = 1;
  return next.fetch_add(1, std::memory_order_relaxed);
}

// Both live longer than what is noted.
void CopyPassed(const net::Passed& passed, base::Arena& arena, metadata::Annotations& to) {
  for (const net::Passed::Space& space : passed.spaces) {
    for (uint32_t i = 0; i < space.value.size; ++i) {
      const metadata::Member& member = space.value.members[i];
      (void)to.metadata.SetKept(arena, space.name, member.key, member.value);
    }
  }
  using Shared = metadata::FilterState::Shared;
  for (const net::Passed::Object& object : passed.objects) {
    (void)to.filter_state.Set(arena, object.name, object.text, object.read_only, object.json,
                              object.transitive ? Shared::kTransitive : Shared::kNot);
  }
}

}  // namespace

ListenerConnection::ListenerConnection(event::Worker& worker, std::unique_ptr<listener::SocketFacts> facts)
    : worker_(worker),
      id_(NextId()),
      started_(worker.now()),
      started_wall_(worker.wall_now()),
      facts_(std::move(facts)) {}

ListenerConnection::~ListenerConnection() = default;

void ListenerConnection::set_maker(FilterChainShard& chain) {
  maker_ = event::Kept<FilterChainShard>(&chain);
  chain_ = maker_;
}

void ListenerConnection::set_chain(FilterChainShard& chain) { chain_ = event::Kept<FilterChainShard>(&chain); }

net::Transport& ListenerConnection::transport() { return connection().transport(); }

const std::string& ListenerConnection::remote_text() {
  if (remote_text_.empty()) remote_text_ = connection().transport().remote_address().text();
  return remote_text_;
}

std::string_view ListenerConnection::remote_ip() {
  const net::Address& remote = connection().transport().remote_address();
  if (remote.family() != AF_INET && remote.family() != AF_INET6) return {};
  std::string_view text = remote_text();
  text = text.substr(0, text.rfind(':'));
  return text.starts_with('[') ? text.substr(1, text.size() - 2) : text;
}

const std::string& ListenerConnection::local_text() {
  if (local_text_.empty()) local_text_ = connection().transport().local_address().text();
  return local_text_;
}

const std::string& ListenerConnection::direct_remote_text() {
  if (facts_ == nullptr) return remote_text();
  if (direct_remote_text_.empty()) direct_remote_text_ = facts_->direct_remote.text();
  return direct_remote_text_;
}

const std::string& ListenerConnection::direct_local_text() {
  if (facts_ == nullptr || !facts_->local_restored) return local_text();
  if (direct_local_text_.empty()) direct_local_text_ = facts_->direct_local.text();
  return direct_local_text_;
}

void ListenerConnection::CopyNotes(base::Arena& arena, metadata::Annotations& to) const {
  for (const listener::SocketFacts::Note& note : facts_->notes) {
    // Too much is not noted: the bound is the stream's.
    const metadata::Value value =
        note.flag ? metadata::Value::Flag(note.value == "true") : metadata::Value::Text(note.value);
    (void)to.metadata.Set(arena, note.space, note.key, value);
  }
  if (facts_->passed != nullptr) [[unlikely]] CopyPassed(*facts_->passed, arena, to);
  for (const listener::SocketFacts::Object& object : facts_->objects) {
    (void)to.filter_state.Set(arena, object.name, object.text, object.read_only, {}, object.shared);
  }
}

std::string ListenerConnection::ObjectsToPass() const {
  std::string objects;
  if (facts_ == nullptr) return objects;
  using Shared = metadata::FilterState::Shared;
  for (const listener::SocketFacts::Object& object : facts_->objects) {
    if (object.shared == Shared::kNot) continue;
    net::AppendObject(objects, {.name = std::string(object.name),
                                .text = object.text,
                                .json = {},
                                .read_only = object.read_only,
                                .transitive = object.shared == Shared::kTransitive});
  }
  if (facts_->passed == nullptr) return objects;
  for (const net::Passed::Object& object : facts_->passed->objects) {
    if (object.transitive) net::AppendObject(objects, object);
  }
  return objects;
}

void ListenerConnection::SetObjects(const std::vector<config::FilterStateObject>& objects) {
  size_t bytes = 0;
  for (const listener::SocketFacts::Object& object : facts_->objects) bytes += object.text.size();
  std::string scratch;
  for (const config::FilterStateObject& object : objects) {
    base::Arena arena(worker_.blocks());
    metadata::Annotations notes;
    CopyNotes(arena, notes);  // anew: it shows what was set before
    telemetry::RequestRecord record;
    Describe(record);
    record.annotations = &notes;
    const std::string_view text = object.text.Evaluate(record, object.missing, arena, scratch);
    if (text.empty() && object.skip_if_empty) continue;
    bytes += text.size();
    if (bytes > metadata::FilterState::kMostBytes) return;  // a stream would not take it either
    const auto found = std::ranges::find(facts_->objects, object.name, &listener::SocketFacts::Object::name);
    if (found == facts_->objects.end()) {
      facts_->objects.push_back({object.name, std::string(text), object.read_only, object.shared});
    } else if (!found->read_only) {
      *found = {object.name, std::string(text), object.read_only, object.shared};
    }
  }
}

void ListenerConnection::NoteHandshake() {
  handshaken_ = worker_.now();
  if (on_handshake_ == nullptr) [[likely]] return;
  for (const config::ConnectionState* state : *on_handshake_) SetObjects(state->on_handshake);
}

void ListenerConnection::MakeAccess() {
  access_ = std::make_unique<Access>(Access{.facts = FactsOf(connection().transport(), facts_.get()), .findings = {}});
}

std::string ListenerConnection::ProxyHead(net::ProxyVersion version, const net::ProxyTlvs* tlvs) {
  net::Transport& client = connection().transport();
  const std::string onward = tlvs == nullptr ? "" : tlvs->Of(facts_ == nullptr ? "" : facts_->tlvs);
  return net::ProxyHead(version, client.remote_address(), client.local_address(), onward);
}

tls::Facts* ListenerConnection::tls() {
  net::Transport& transport = connection().transport();
  if (tls_ == nullptr && transport.connects()) tls_ = transport.tls();
  return tls_.get();
}

std::string_view ListenerConnection::server_name() {
  if (facts_ != nullptr && !facts_->server_name.empty()) return facts_->server_name;
  tls::Facts* const facts = tls();
  return facts == nullptr ? std::string_view() : facts->server_name();
}

std::optional<net::Address> ListenerConnection::original_destination() {
  if (facts_ == nullptr || !facts_->local_restored) return std::nullopt;
  return connection().transport().local_address();
}

void ListenerConnection::Describe(telemetry::RequestRecord& record) {
  record.bytes_received = record.downstream_wire_bytes_received = connection().bytes_read();
  record.bytes_sent = record.downstream_wire_bytes_sent = connection().bytes_written();
  record.start_time = started_wall_;
  record.end_time = worker_.wall_now();
  record.at(telemetry::TimePoint::kDownstreamRxBegin) = started_;
  record.at(telemetry::TimePoint::kEnd) = worker_.now();
  record.at(telemetry::TimePoint::kDownstreamConnectBegin) = started_;
  record.at(telemetry::TimePoint::kDownstreamHandshakeEnd) = handshaken_;
  if (connection().closed()) record.at(telemetry::TimePoint::kDownstreamConnectionEnd) = worker_.now();
  record.downstream_close_type = connection().close_type();
  record.downstream_local_close_reason = local_close_reason_;
  record.downstream_remote_address = remote_text();
  record.downstream_direct_remote_address = direct_remote_text();
  record.requested_server_name = server_name();
  DescribeFingerprints(record);
  record.downstream_tls = tls();
  record.downstream_transport_failure_reason = connection().transport().failure();
  record.downstream_local_address = local_text();
  record.downstream_direct_local_address = direct_local_text();
  if (facts_ != nullptr) record.connection_termination_details = facts_->refusal;
  record.connection_id = id_;
}

}  // namespace pillion::proxy
