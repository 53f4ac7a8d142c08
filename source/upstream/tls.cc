#include "source/upstream/tls.h"

#include <utility>

#include "absl/strings/str_split.h"
#include "source/config/tls.h"
#include "source/net/proxy_head_transport.h"
#include "source/tls/not_ready.h"
#include "source/tls/transport.h"

namespace pillion::upstream {
namespace {

// What is asked for where no request says it.
const std::string& ServerName(const config::UpstreamTls& tls, const std::string& hostname) {
  return tls.auto_host_sni && !hostname.empty() ? hostname : tls.sni;
}

// An address is no name that could be asked for (RFC 6066, 3).
std::string NameToAskFor(const std::string& name, const std::string& otherwise) {
  return net::Address::Ip(name, 0) ? otherwise : name;
}

// "a,b"
std::vector<std::string> ListOf(std::string_view text) {
  return absl::StrSplit(absl::string_view(text.data(), text.size()), ',');
}

std::vector<std::string> OfferOf(std::optional<Protocol> protocol) {
  if (protocol == Protocol::kHttp2) return {"h2"};
  if (protocol == Protocol::kAuto) return {"h2", "http/1.1"};
  return {};
}

}  // namespace

TlsConnector::TlsConnector(const config::UpstreamHttp& http, const config::UpstreamTls& tls, event::Worker& worker,
                           const tls::StatIds& ids, stats::Shard& shard)
    : http_(http), tls_(tls), worker_(worker), stats_(ids, shard), sessions_(tls.max_session_keys) {}

bool TlsConnector::ready() const { return tls_.context->current() != nullptr; }

std::unique_ptr<net::Transport> TlsConnector::NotReady(const Host& host) {
  stats_.CountNotReady();
  return std::make_unique<tls::NotReadyTransport>(host.address());
}

std::unique_ptr<net::Transport> TlsConnector::Wrap(std::unique_ptr<net::Transport> below, const Host& host,
                                                   const ConnectionNeeds& needs, std::optional<Protocol> protocol) {
  const std::string& configured = ServerName(tls_, host.hostname());
  const std::string server_name(needs.server_name);
  const std::string& name = server_name.empty() ? configured : server_name;
  const bool expects = http_.auto_san_validation || tls_.auto_sni_san_validation;
  // HTTP/1 may end a message by the end of the connection.
  const bool may_read_to_the_end = protocol == Protocol::kHttp1 || protocol == Protocol::kAuto;
  std::shared_ptr<const tls::Context> context = tls_.context->current();
  if (context == nullptr) [[unlikely]] return NotReady(host);  // it was withdrawn just now
  std::vector<std::string> any, own;
  // An empty name is nobody's: where some are expected, somebody has to be.
  if (!needs.expected_names.empty()) [[unlikely]] any = ListOf(needs.expected_names);
  if (!needs.alpn.empty()) [[unlikely]] {
    own = ListOf(needs.alpn);
    std::erase_if(own, [](const std::string& name) { return name.empty() || name.size() > 255; });  // RFC 7301, 3.1
  }
  std::vector<std::string> offer = context->parts().alpn.empty() ? OfferOf(protocol) : std::vector<std::string>();
  return std::make_unique<tls::TlsTransport>(
      worker_, std::move(below),
      tls::TransportOptions{.context = std::move(context),
                            .stats = &stats_,
                            .latest = [source = tls_.context] { return source->current(); },
                            .strict_end = may_read_to_the_end,
                            .server_name = NameToAskFor(name, configured),
                            .expected_name = expects ? std::optional(name) : std::nullopt,
                            .expected_any = std::move(any),
                            .alpn = own.empty() ? std::move(offer) : std::move(own),
                            .sessions = &sessions_});
}

std::unique_ptr<net::Transport> WrapUncounted(const config::UpstreamTls* tls, std::optional<net::ProxyVersion> proxy_version,
                                             const std::string& hostname, std::optional<Protocol> protocol,
                                             event::Worker& worker, std::unique_ptr<net::Transport> below) {
  if (proxy_version) below = std::make_unique<net::ProxyHeadTransport>(std::move(below), *proxy_version, "");
  if (tls == nullptr) return below;
  const std::string& name = ServerName(*tls, hostname);
  std::shared_ptr<const tls::Context> context = tls->context->current();
  if (context == nullptr) return std::make_unique<tls::NotReadyTransport>(below->remote_address());
  std::vector<std::string> offer = OfferOf(protocol);
  if (offer.empty() && protocol && !context->parts().alpn.empty()) offer = {"http/1.1"};
  return std::make_unique<tls::TlsTransport>(
      worker, std::move(below),
      tls::TransportOptions{.context = std::move(context),
                            .server_name = NameToAskFor(name, ""),
                            .expected_name = tls->auto_sni_san_validation ? std::optional(name) : std::nullopt,
                            .alpn = std::move(offer)});
}

}  // namespace pillion::upstream
