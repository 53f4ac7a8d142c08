// The listener filters themselves: what each makes of the bytes that are there, or of the socket.

#include <sys/socket.h>

#include "source/codec/sniff/client_hello.h"
#include "source/codec/sniff/proxy_header.h"
#include "source/codec/sniff/request_line.h"
#include "source/identity/md5.h"
#include "source/identity/sha256.h"
#include "source/listener/inspection.h"
#include "source/net/own_source.h"

namespace pillion::listener {
namespace {

using codec::sniff::Found;

constexpr std::string_view kTls = "tls";

net::Address ToAddress(const codec::sniff::ProxyHeader::End& end, bool v6) {
  return v6 ? net::Address::FromV6(end.ip, end.port)
            : net::Address::FromV4(std::span(end.ip).first<4>(), end.port);
}

// Bytes that are no UTF-8 become '!': what is noted is shown in JSON.
std::string ToUtf8(std::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  std::string text;
  for (size_t i = 0; i < bytes.size();) {
    const uint8_t first = at(i);
    const size_t size = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : (first & 0xf0) == 0xe0 ? 3
                        : first >= 0xf0 && first < 0xf5                  ? 4
                                                                         : 0;
    bool good = size > 0 && i + size <= bytes.size();
    for (size_t k = 1; good && k < size; ++k) good = (at(i + k) & 0xc0) == 0x80;
    // Forms that are too long, surrogates, what is beyond U+10FFFF.
    if (good && size == 3) good = !(first == 0xe0 && at(i + 1) < 0xa0) && !(first == 0xed && at(i + 1) >= 0xa0);
    if (good && size == 4) good = !(first == 0xf0 && at(i + 1) < 0x90) && !(first == 0xf4 && at(i + 1) >= 0x90);
    if (good) {
      text += bytes.substr(i, size);
      i += size;
    } else {
      text += '!';
      ++i;
    }
  }
  return text;
}

// The first digits of its hash.
std::string Ja4Hash(std::string_view text) {
  constexpr size_t kDigits = 12;
  if (text.empty()) return std::string(kDigits, '0');
  identity::Sha256 hash;
  hash.Update(text);
  return hash.Hex().substr(0, kDigits);
}

std::string Ja4(const codec::sniff::FingerprintTexts& texts) {
  return texts.ja4_start + Ja4Hash(texts.ja4_suites) + "_" + Ja4Hash(texts.ja4_extensions);
}

}  // namespace

Inspection::Verdict Inspection::Apply(const config::TlsInspector& filter, FilterStats& stats) {
  read_hint_ = filter.initial_buffer;
  codec::sniff::ClientHello hello;
  codec::sniff::FingerprintTexts texts;
  const bool fingerprints = filter.ja3 || filter.ja4;
  switch (codec::sniff::ReadClientHello(lookahead_.view(), filter.max_client_hello, hello,
                                        fingerprints ? &texts : nullptr)) {
    case Found::kNeedMore:
      return Verdict::kNeedMore;
    case Found::kTooLarge:
      stats.Count(TlsCounter::kTooLarge);
      return Verdict::kRefuse;
    case Found::kMalformed:
      if (filter.close_on_error) return Verdict::kRefuse;
      [[fallthrough]];
    case Found::kNo:
      stats.Count(TlsCounter::kTlsNotFound);
      return Verdict::kContinue;
    case Found::kYes:
      break;
  }
  stats.Count(TlsCounter::kTlsFound);
  stats.Count(hello.server_name.empty() ? TlsCounter::kSniNotFound : TlsCounter::kSniFound);
  stats.Count(hello.application_protocols.empty() ? TlsCounter::kAlpnNotFound : TlsCounter::kAlpnFound);
  accepted_.facts->transport_protocol = kTls;
  accepted_.facts->server_name = std::move(hello.server_name);
  accepted_.facts->application_protocols = std::move(hello.application_protocols);
  if (filter.ja3) accepted_.facts->ja3 = identity::Md5Hex(texts.ja3);
  if (filter.ja4) accepted_.facts->ja4 = Ja4(texts);
  return Verdict::kContinue;
}

Inspection::Verdict Inspection::Apply(const config::HttpInspector&, FilterStats& stats) {
  // The bytes of TLS are no request of anybody's, and its ALPN says what is spoken.
  if (accepted_.facts->transport_protocol == kTls) return Verdict::kContinue;
  codec::sniff::HttpVersion version;
  switch (codec::sniff::ReadRequestLine(lookahead_.view(), version)) {
    case Found::kNeedMore:
      return Verdict::kNeedMore;
    case Found::kYes:
      break;
    default:
      stats.Count(HttpCounter::kNotFound);
      return Verdict::kContinue;
  }
  switch (version) {
    case codec::sniff::HttpVersion::kHttp10:
      stats.Count(HttpCounter::kHttp10);
      accepted_.facts->application_protocols = {"http/1.0"};
      break;
    case codec::sniff::HttpVersion::kHttp11:
      stats.Count(HttpCounter::kHttp11);
      accepted_.facts->application_protocols = {"http/1.1"};
      break;
    case codec::sniff::HttpVersion::kHttp2:
      stats.Count(HttpCounter::kHttp2);
      accepted_.facts->application_protocols = {"h2c"};
      break;
  }
  return Verdict::kContinue;
}

void Inspection::RestoreLocal(const net::Address& meant) {
  if (!accepted_.facts->local_restored) accepted_.facts->direct_local = accepted_.transport->local_address();
  accepted_.transport->SetLocalAddress(meant);
  accepted_.facts->local_restored = true;
}

void Inspection::TakePassedAddresses() {
  constexpr std::string_view kSpace = "envoy.filters.listener.original_dst";
  const net::Passed* const passed = accepted_.facts->passed.get();
  if (passed == nullptr) return;
  std::optional<net::Address> local;
  if (const net::Passed::Object* const object = passed->Find("envoy.filters.listener.original_dst.local_ip")) {
    local = net::Address::IpAndPort(object->text);
  } else {
    for (const net::Passed::Space& space : passed->spaces) {
      if (space.name != kSpace) continue;
      const metadata::Value* const value = metadata::Find(space.value, "local");
      if (value != nullptr && value->kind == metadata::Value::Kind::kText) local = net::Address::IpAndPort(value->text);
    }
  }
  if (local) RestoreLocal(*local);
  if (const net::Passed::Object* const object = passed->Find("envoy.filters.listener.original_dst.remote_ip")) {
    const std::optional<net::Address> remote = net::Address::IpAndPort(object->text);
    if (remote) accepted_.transport->SetRemoteAddress(*remote);
  }
}

Inspection::Verdict Inspection::Apply(const config::OriginalDst&, FilterStats&) {
  if (accepted_.transport->local_address().is_internal()) {
    TakePassedAddresses();
    return Verdict::kContinue;
  }
  const std::optional<net::Address> destination = accepted_.transport->OriginalDestination();
  // Who was not redirected has the address already.
  if (destination && *destination != accepted_.transport->local_address()) {
    RestoreLocal(*destination);
  }
  return Verdict::kContinue;
}

Inspection::Verdict Inspection::Apply(const config::OriginalSrc& filter, FilterStats&) {
  // As a filter before this one may have told: it need not be the peer's.
  const net::Address& client = accepted_.transport->remote_address();
  const bool has_ip = client.family() == AF_INET || client.family() == AF_INET6;  // and is none of this process
  if (has_ip) accepted_.facts->source = net::OwnSource{client, filter.mark}.text();
  return Verdict::kContinue;
}

Inspection::Verdict Inspection::Apply(const config::ProxyProtocol& filter, FilterStats& stats) {
  codec::sniff::ProxyHeader header;
  const Found found = codec::sniff::ReadProxyHeader(lookahead_.view(), header);
  if (found == Found::kNo) {
    stats.Count(filter.required ? ProxyCounter::kNotFoundDisallowed : ProxyCounter::kNotFoundAllowed);
    return filter.required ? Verdict::kRefuse : Verdict::kContinue;
  }
  const bool v1 = header.version == 1;
  if (header.version != 0 && !(v1 ? filter.version1 : filter.version2)) {
    stats.Count(v1 ? ProxyCounter::kV1Disallowed : ProxyCounter::kV2Disallowed);
    return Verdict::kRefuse;
  }
  if (found == Found::kNeedMore) return Verdict::kNeedMore;
  if (found != Found::kYes) {
    stats.Count(v1 ? ProxyCounter::kV1Error : ProxyCounter::kV2Error);
    return Verdict::kRefuse;
  }
  const auto note = [&](uint8_t type, std::string_view value) {
    if (filter.passes.test(type)) net::AppendTlv(accepted_.facts->tlvs, type, value);
    for (const config::ProxyProtocol::Rule& rule : filter.rules) {
      if (rule.type == type) accepted_.facts->notes.push_back({rule.space, rule.key, ToUtf8(value)});
    }
  };
  if (!filter.rules.empty() || filter.passes.any()) {
    // Several such filters, each with a head of its own, add to the same; no head to a host has room for all of it.
    const bool whole = codec::sniff::ForEachTlv(header.tlvs, note);
    if (!whole || accepted_.facts->tlvs.size() > net::kMostReceivedTlvBytes) {
      stats.Count(ProxyCounter::kV2Error);
      return Verdict::kRefuse;
    }
  }
  stats.Count(v1 ? ProxyCounter::kV1Found : ProxyCounter::kV2Found);
  lookahead_.RemovePrefix(header.bytes);
  if (!header.has_ends) return Verdict::kContinue;
  const net::Address destination = ToAddress(header.destination, header.v6);
  accepted_.transport->SetRemoteAddress(ToAddress(header.source, header.v6));
  if (destination != accepted_.transport->local_address()) {
    RestoreLocal(destination);
  }
  return Verdict::kContinue;
}

}  // namespace pillion::listener
