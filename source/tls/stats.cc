#include "source/tls/stats.h"

#include <openssl/obj_mac.h>

#include <span>
#include <string>

namespace pillion::tls {
namespace {

constexpr std::string_view kCounters[] = {
    "connection_error",    "handshake",         "session_reused",  "no_certificate",
    "fail_verify_no_cert", "fail_verify_error", "fail_verify_san", "fail_verify_cert_hash",
    "identity_ended",      "handshake_overflow",
    "ocsp_staple_failed",  "ocsp_staple_omitted", "ocsp_staple_requests", "ocsp_staple_responses"};
static_assert(std::size(kCounters) == static_cast<size_t>(Counter::kCount));

constexpr std::string_view kVersions[] = {"TLSv1.2", "TLSv1.3"};
constexpr std::string_view kCiphers[] = {"TLS_AES_128_GCM_SHA256",        "TLS_AES_256_GCM_SHA384",
                                         "TLS_CHACHA20_POLY1305_SHA256",  "ECDHE-ECDSA-AES128-GCM-SHA256",
                                         "ECDHE-RSA-AES128-GCM-SHA256",   "ECDHE-ECDSA-AES256-GCM-SHA384",
                                         "ECDHE-RSA-AES256-GCM-SHA384",   "ECDHE-ECDSA-CHACHA20-POLY1305",
                                         "ECDHE-RSA-CHACHA20-POLY1305"};
struct Curve {
  std::string_view name;
  int nid;
};
constexpr Curve kCurves[] = {
    {"X25519", NID_X25519}, {"P-256", NID_X9_62_prime256v1}, {"P-384", NID_secp384r1}, {"P-521", NID_secp521r1}};

struct Signature {
  std::string_view name;  // RFC 8446, 4.2.3
  int key;
  int digest;
};
constexpr Signature kSignatures[] = {
    {"ecdsa_secp256r1_sha256", NID_X9_62_id_ecPublicKey, NID_sha256},
    {"ecdsa_secp384r1_sha384", NID_X9_62_id_ecPublicKey, NID_sha384},
    {"ecdsa_secp521r1_sha512", NID_X9_62_id_ecPublicKey, NID_sha512},
    {"rsa_pss_rsae_sha256", NID_rsassaPss, NID_sha256},
    {"rsa_pss_rsae_sha384", NID_rsassaPss, NID_sha384},
    {"rsa_pss_rsae_sha512", NID_rsassaPss, NID_sha512},
    {"rsa_pkcs1_sha256", NID_rsaEncryption, NID_sha256},
    {"rsa_pkcs1_sha384", NID_rsaEncryption, NID_sha384},
    {"rsa_pkcs1_sha512", NID_rsaEncryption, NID_sha512},
    {"ed25519", NID_ED25519, NID_undef}};

std::vector<stats::Counter*> CellsOf(const std::vector<stats::CounterId>& ids, stats::Shard& shard) {
  std::vector<stats::Counter*> cells;
  for (const stats::CounterId id : ids) cells.push_back(shard.counter(id));
  return cells;
}

void CountName(std::span<const std::string_view> names, const std::vector<stats::Counter*>& cells, std::string_view name) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) cells[i]->Increment();
  }
}

}  // namespace

StatIds::StatIds(stats::Registry& registry, const stats::Prefix& prefix, bool server) : scope(registry, prefix) {
  const auto add = [this](std::string_view kind, std::string_view name) {
    return scope.AddCounter("ssl." + std::string(kind) + std::string(name));
  };
  for (size_t i = 0; i < counters.size(); ++i) counters[i] = add("", kCounters[i]);
  for (const std::string_view name : kVersions) versions.push_back(add("versions.", name));
  for (const std::string_view name : kCiphers) ciphers.push_back(add("ciphers.", name));
  for (const Curve& curve : kCurves) curves.push_back(add("curves.", curve.name));
  for (const Signature& signature : kSignatures) signatures.push_back(add("sigalgs.", signature.name));
  not_ready = scope.AddCounter(server ? "server_ssl_socket_factory.downstream_context_secrets_not_ready"
                                      : "client_ssl_socket_factory.upstream_context_secrets_not_ready");
  if (server) timeouts = scope.AddCounter("downstream_cx_transport_socket_connect_timeout");
}

Stats::Stats(const StatIds& ids, stats::Shard& shard)
    : versions_(CellsOf(ids.versions, shard)), ciphers_(CellsOf(ids.ciphers, shard)), curves_(CellsOf(ids.curves, shard)),
      signatures_(CellsOf(ids.signatures, shard)), not_ready_(shard.counter(ids.not_ready)) {
  for (size_t i = 0; i < counters_.size(); ++i) counters_[i] = shard.counter(ids.counters[i]);
  if (ids.timeouts) timeouts_ = shard.counter(*ids.timeouts);
}

void Stats::CountAgreed(const Agreed& agreed) {
  CountName(kVersions, versions_, agreed.version);
  CountName(kCiphers, ciphers_, agreed.cipher);
  for (size_t i = 0; i < std::size(kCurves); ++i) {
    if (kCurves[i].nid == agreed.curve) curves_[i]->Increment();
  }
  for (size_t i = 0; i < std::size(kSignatures); ++i) {
    const Signature& signature = kSignatures[i];
    if (signature.key == agreed.signature_key && signature.digest == agreed.signature_digest) signatures_[i]->Increment();
  }
}

}  // namespace pillion::tls
