#include "source/telemetry/log_tls.h"

#include <algorithm>
#include <iterator>

#include "source/tls/facts.h"

namespace pillion::telemetry {
namespace {

using identity::NameType;
using tls::CertificateFacts;
using tls::Facts;
using Side = Facts* RequestRecord::*;

template <Side side, typename Get>
std::string_view OfConnection(const RequestRecord& record, const Get& get) {
  Facts* const facts = record.*side;
  return facts == nullptr ? std::string_view() : get(*facts);
}

template <Side side>
std::string_view Version(const RequestRecord& record, std::string&) {
  return OfConnection<side>(record, [](Facts& facts) { return facts.version(); });
}
template <Side side>
std::string_view Cipher(const RequestRecord& record, std::string&) {
  return OfConnection<side>(record, [](Facts& facts) { return facts.cipher(); });
}
template <Side side>
std::string_view Group(const RequestRecord& record, std::string&) {
  return OfConnection<side>(record, [](Facts& facts) { return facts.curve(); });
}
template <Side side>
std::string_view SessionId(const RequestRecord& record, std::string&) {
  return OfConnection<side>(record, [](Facts& facts) { return std::string_view(facts.session_id()); });
}

// Whose certificate: the peer's, or our own.
template <Side side, CertificateFacts* (Facts::*end)()>
CertificateFacts* CertificateOf(const RequestRecord& record) {
  Facts* const facts = record.*side;
  return facts == nullptr ? nullptr : (facts->*end)();
}

template <Side side, CertificateFacts* (Facts::*end)(), const std::string& (CertificateFacts::*member)()>
std::string_view Member(const RequestRecord& record, std::string&) {
  CertificateFacts* const certificate = CertificateOf<side, end>(record);
  return certificate == nullptr ? std::string_view() : std::string_view((certificate->*member)());
}

template <Side side, CertificateFacts* (Facts::*end)(), NameType type>
std::string_view Names(const RequestRecord& record, std::string& scratch) {
  CertificateFacts* const certificate = CertificateOf<side, end>(record);
  if (certificate == nullptr) return {};
  scratch = certificate->Joined(type);
  return scratch;
}

// Of each certificate that the client sent.
template <std::string (*of)(const X509*)>
std::string_view Chain(const RequestRecord& record, std::string& scratch) {
  if (record.downstream_tls == nullptr) return {};
  scratch = record.downstream_tls->PeerChain(of);
  return scratch;
}

template <const std::string& (Facts::*of)()>
std::string_view PeerIssuer(const RequestRecord& record, std::string&) {
  return record.downstream_tls == nullptr ? std::string_view() : std::string_view((record.downstream_tls->*of)());
}

template <Side side>
std::string_view ServerName(const RequestRecord& record, std::string&) {
  return OfConnection<side>(record, [](Facts& facts) { return facts.server_name(); });
}

template <Side side, absl::Time (CertificateFacts::*member)() const>
std::optional<absl::Time> Date(const RequestRecord& record) {
  CertificateFacts* const certificate = CertificateOf<side, &Facts::peer>(record);
  if (certificate == nullptr) return std::nullopt;
  return (certificate->*member)();
}

constexpr Side kDown = &RequestRecord::downstream_tls;
constexpr Side kUp = &RequestRecord::upstream_tls;
constexpr auto kPeer = &Facts::peer;
constexpr auto kLocal = &Facts::local;

// Of a certificate on the side that ALL_CAPS names.
#define PEER_AND_LOCAL(SIDE, side)                                                \
  {SIDE "_PEER_SUBJECT", Member<side, kPeer, &CertificateFacts::subject>},        \
  {SIDE "_PEER_ISSUER", Member<side, kPeer, &CertificateFacts::issuer>},          \
  {SIDE "_PEER_CERT", Member<side, kPeer, &CertificateFacts::url_pem>},               \
  {SIDE "_PEER_CERT_V_START", nullptr, Date<side, &CertificateFacts::not_before>}, \
  {SIDE "_PEER_CERT_V_END", nullptr, Date<side, &CertificateFacts::not_after>},   \
  {SIDE "_PEER_URI_SAN", Names<side, kPeer, NameType::kUri>},                     \
  {SIDE "_PEER_DNS_SAN", Names<side, kPeer, NameType::kDns>},                     \
  {SIDE "_PEER_IP_SAN", Names<side, kPeer, NameType::kIp>},                       \
  {SIDE "_LOCAL_URI_SAN", Names<side, kLocal, NameType::kUri>},                   \
  {SIDE "_LOCAL_DNS_SAN", Names<side, kLocal, NameType::kDns>},                   \
  {SIDE "_LOCAL_IP_SAN", Names<side, kLocal, NameType::kIp>},                     \
  {SIDE "_TLS_VERSION", Version<side>},                                           \
  {SIDE "_TLS_CIPHER", Cipher<side>},                                             \
  {SIDE "_TLS_SESSION_ID", SessionId<side>}

constexpr TlsOperator kTable[] = {
    PEER_AND_LOCAL("DOWNSTREAM", kDown),
    PEER_AND_LOCAL("UPSTREAM", kUp),
    {"DOWNSTREAM_TLS_GROUP", Group<kDown>},
    {"UPSTREAM_TLS_GROUP", Group<kUp>},
    {"UPSTREAM_SERVER_NAME", ServerName<kUp>},
    {"DOWNSTREAM_PEER_EMAIL_SAN", Names<kDown, kPeer, NameType::kEmail>},
    {"DOWNSTREAM_LOCAL_EMAIL_SAN", Names<kDown, kLocal, NameType::kEmail>},
    {"DOWNSTREAM_PEER_OTHERNAME_SAN", Names<kDown, kPeer, NameType::kOther>},
    {"DOWNSTREAM_LOCAL_OTHERNAME_SAN", Names<kDown, kLocal, NameType::kOther>},
    {"DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256", Chain<identity::Sha256Fingerprint>},
    {"DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1", Chain<identity::Sha1Fingerprint>},
    {"DOWNSTREAM_PEER_CHAIN_SERIALS", Chain<identity::SerialText>},
    {"DOWNSTREAM_PEER_ISSUER_SERIAL", PeerIssuer<&Facts::peer_issuer_serial>},
    {"DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256", PeerIssuer<&Facts::peer_issuer_sha256>},
    {"DOWNSTREAM_LOCAL_SUBJECT", Member<kDown, kLocal, &CertificateFacts::subject>},
    {"DOWNSTREAM_PEER_SERIAL", Member<kDown, kPeer, &CertificateFacts::serial>},
    {"DOWNSTREAM_PEER_FINGERPRINT_256", Member<kDown, kPeer, &CertificateFacts::sha256>},
    {"DOWNSTREAM_PEER_FINGERPRINT_1", Member<kDown, kPeer, &CertificateFacts::sha1>},
};

#undef PEER_AND_LOCAL

}  // namespace

const TlsOperator* FindTlsOperator(std::string_view name) {
  const auto found =
      std::find_if(std::begin(kTable), std::end(kTable), [&](const TlsOperator& entry) { return entry.name == name; });
  return found == std::end(kTable) ? nullptr : found;
}

}  // namespace pillion::telemetry
