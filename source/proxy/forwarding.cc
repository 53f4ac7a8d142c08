#include "source/proxy/forwarding.h"

#include <charconv>
#include <string>

namespace pillion::proxy {
namespace {

using http::HeaderId;

std::string_view Milliseconds(base::Arena& arena, base::Duration duration) {
  char text[20];
  const int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  const auto end = std::to_chars(text, text + sizeof text, ms).ptr;
  return arena.Copy({text, static_cast<size_t>(end - text)});
}

// A UUID of version 4 (RFC 9562, 5.4).
std::string_view MakeRequestId(base::Arena& arena, base::Random& random) {
  constexpr char kHex[] = "0123456789abcdef";
  uint64_t high = random.Next();
  uint64_t low = random.Next();
  high = (high & ~uint64_t{0xf000}) | 0x4000;
  low = (low & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  char* const text = static_cast<char*>(arena.Allocate(36, 1));
  char* to = text;
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) *to++ = '-';
    const uint64_t half = i < 16 ? high : low;
    *to++ = kHex[half >> (60 - 4 * (i & 15)) & 15];
  }
  return {text, 36};
}

// `list`, `element` behind it.
std::string_view AppendToList(base::Arena& arena, std::string_view list, std::string_view separator,
                              std::string_view element) {
  if (list.empty()) return arena.Copy(element);
  base::ArenaText text;
  text.Append(arena, list);
  text.Append(arena, separator);
  text.Append(arena, element);
  return text.view();
}

// The whole of a list field: several lines are one list (RFC 9110, 5.3).
std::string_view ListOf(const http::HeaderMap& headers, HeaderId id, std::string_view separator) {
  std::string_view list;
  for (const http::HeaderField& field : headers) {
    if (field.id != id) continue;
    list = list.empty() ? field.value() : AppendToList(headers.arena(), list, separator, field.value());
  }
  return list;
}

void AddToList(http::HeaderMap& headers, HeaderId id, std::string_view separator, std::string_view element) {
  headers.Set(id, AppendToList(headers.arena(), ListOf(headers, id, separator), separator, element));
}

// The peer's address is put at the end of x-forwarded-for.
bool AppendsPeer(const config::HttpConnectionManager& config, const net::Address& peer) {
  return config.use_remote_address && !config.skip_xff_append && peer.family() != AF_UNIX;
}

// The authority as routes compare it and upstream gets it: without its port, without the final dot of its name, where
// they are to go. `port`: the one that the request came to.
void StripAuthority(http::RequestHead& head, const config::HttpConnectionManager& config, uint16_t port) {
  using StripPort = config::HttpConnectionManager::StripPort;
  std::string_view host = head.authority;
  std::string_view suffix;  // ":80"
  const size_t colon = host.rfind(':');
  if (colon != host.npos && host.find(']', colon) == host.npos) {
    suffix = host.substr(colon);
    host = host.substr(0, colon);
  }
  char text[8] = ":";
  const std::string_view own(text, static_cast<size_t>(std::to_chars(text + 1, text + sizeof text, port).ptr - text));
  const bool without_port = config.strip_port == StripPort::kAny ||
                            (config.strip_port == StripPort::kMatching && suffix == own);
  const bool without_dot = config.strip_trailing_host_dot && host.size() > 1 && host.ends_with('.');
  if (without_dot) host.remove_suffix(1);
  if (without_port || suffix.empty()) {
    head.authority = host;
  } else if (without_dot) {
    head.authority = AppendToList(head.headers.arena(), host, "", suffix);
  }
}

}  // namespace

void PrepareRequest(http::RequestHead& head, const config::HttpConnectionManager& config, net::Transport& transport,
                    WorkerContext& context) {
  base::Arena& arena = head.headers.arena();
  const bool strips = config.strip_port != config::HttpConnectionManager::StripPort::kNone || config.strip_trailing_host_dot;
  if (strips && head.method_id != http::Method::kConnect) {
    StripAuthority(head, config, transport.local_address().port());
  }
  if (config.use_remote_address) {
    if (AppendsPeer(config, transport.remote_address())) {
      AddToList(head.headers, HeaderId::kXForwardedFor, ",", transport.remote_address().ip());
    }
    if (config.xff_num_trusted_hops == 0) head.headers.Remove(HeaderId::kXForwardedProto);
  }
  if (!head.headers.Has(HeaderId::kXForwardedProto)) head.headers.Add(HeaderId::kXForwardedProto, head.scheme);
  // Without an edge in front (use_remote_address) a caller's id is kept: it names the request on every hop.
  const bool keep_id = !config.use_remote_address || config.preserve_external_request_id;
  if (config.generate_request_id && !(keep_id && head.headers.Has(HeaderId::kXRequestId))) {
    head.headers.Set(HeaderId::kXRequestId, MakeRequestId(arena, context.random));
  }
  if (!config.via.empty()) {
    AddToList(head.headers, HeaderId::kVia, ", ", config.via);
  }
  if (!config.service_cluster.empty()) {
    head.headers.Set(HeaderId::kXEnvoyDownstreamServiceCluster, config.service_cluster);
    if (!config.service_node.empty()) {
      head.headers.Set(HeaderId::kXEnvoyDownstreamServiceNode, config.service_node);
    }
    if (head.headers.Get(HeaderId::kUserAgent).empty()) head.headers.Set(HeaderId::kUserAgent, config.service_cluster);
  }
}

std::string_view ClientAddress(const http::RequestHead& head, const config::HttpConnectionManager& config,
                               const net::Address& peer) {
  // How many addresses stand behind the client's: those that proxies we trust have added, and our own.
  uint32_t behind = config.xff_num_trusted_hops;
  if (config.use_remote_address) {
    if (behind == 0) return {};
    if (!AppendsPeer(config, peer)) --behind;
  }
  std::string_view list = ListOf(head.headers, HeaderId::kXForwardedFor, ",");
  for (; behind > 0; --behind) {
    const size_t comma = list.rfind(',');
    if (comma == list.npos) return {};
    list = list.substr(0, comma);
  }
  std::string_view client = list.substr(list.rfind(',') + 1);
  while (client.starts_with(' ') || client.starts_with('\t')) client.remove_prefix(1);
  while (client.ends_with(' ') || client.ends_with('\t')) client.remove_suffix(1);
  const std::optional<net::Address> address = net::Address::Ip(client, 0);
  if (!address) return {};
  base::ArenaText text;
  base::Arena& arena = head.headers.arena();
  const bool ipv6 = address->family() == AF_INET6;
  if (ipv6) text.Append(arena, "[");
  text.Append(arena, client);
  text.Append(arena, ipv6 ? "]:0" : ":0");
  return text.view();
}

void PrepareAttempt(http::RequestHead& head, const config::HttpConnectionManager& config, base::Duration timeout) {
  if (timeout <= base::Duration::zero() || config.router.suppress_envoy_headers) return;
  head.headers.Set(HeaderId::kXEnvoyExpectedRqTimeoutMs, Milliseconds(head.headers.arena(), timeout));
}

void PrepareResponse(http::ResponseHead& head, const config::HttpConnectionManager& config, WorkerContext& context) {
  using ServerHeader = config::HttpConnectionManager::ServerHeader;
  http::HeaderMap& headers = head.headers;
  base::Arena& arena = headers.arena();
  if (config.server_header == ServerHeader::kOverwrite ||
      (config.server_header == ServerHeader::kAppendIfAbsent && !headers.Has(HeaderId::kServer))) {
    headers.Set(HeaderId::kServer, config.server_name);
  }
  if (!headers.Has(HeaderId::kDate)) headers.Add(HeaderId::kDate, arena.Copy(context.date.At(context.worker.wall_now())));
  if (!config.via.empty()) {
    AddToList(headers, HeaderId::kVia, ", ", config.via);
  }
}

void AddServiceTime(http::ResponseHead& head, const config::HttpConnectionManager& config, base::Duration took) {
  if (config.router.suppress_envoy_headers) return;
  head.headers.Set(HeaderId::kXEnvoyUpstreamServiceTime, Milliseconds(head.headers.arena(), took));
}

}  // namespace pillion::proxy
