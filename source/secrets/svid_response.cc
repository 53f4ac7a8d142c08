#include "source/secrets/svid_response.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "source/config/text.h"
#include "source/identity/certificate.h"
#include "source/identity/der.h"
#include "source/identity/key_pair.h"
#include "source/identity/spiffe_id.h"
#include "source/identity/svid.h"
#include "spiffe/workload.pb.h"

namespace pillion::secrets {
namespace {

using config::Concat;
using config::Quote;
namespace v3 = envoy::extensions::transport_sockets::tls::v3;

absl::Status Wrong(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(Concat(path, ": ", what));
}

// The pair as PEM texts, when it is what the standard asks for.
absl::StatusOr<std::shared_ptr<const Secret>> ReadSvid(const X509SVID& svid, absl::Time now, const std::string& path) {
  absl::StatusOr<std::string> chain = identity::CertificatesAsPem(svid.x509_svid());
  if (!chain.ok()) return Wrong(Concat(path, ".x509_svid"), std::string(chain.status().message()));
  const std::string key = identity::KeyAsPem(svid.x509_svid_key());
  const auto read = identity::ReadKeyPair(*chain, key, "");
  if (const auto* error = std::get_if<identity::KeyPairError>(&read)) {
    return Wrong(Concat(path, error->part == identity::KeyPairPart::kChain ? ".x509_svid" : ".x509_svid_key"), error->text);
  }
  X509* const leaf = std::get<identity::KeyPair>(read).leaf();
  const absl::StatusOr<std::vector<identity::SubjectName>> names = identity::SubjectNames(leaf);
  if (!names.ok()) return Wrong(Concat(path, ".x509_svid"), std::string(names.status().message()));
  for (const identity::PeerRole role : {identity::PeerRole::kClient, identity::PeerRole::kServer}) {
    const std::variant<std::string, identity::SvidError> id = identity::CheckSvid(leaf, *names, role);
    if (const auto* error = std::get_if<identity::SvidError>(&id)) return Wrong(Concat(path, ".x509_svid"), error->text);
    if (std::get<std::string>(id) != svid.spiffe_id()) {
      return Wrong(Concat(path, ".spiffe_id"),
                   Concat(Quote(svid.spiffe_id()), ", expected ", Quote(std::get<std::string>(id)),
                          " as in the certificate"));
    }
  }
  if (identity::NotAfter(leaf) < now) {
    return Wrong(Concat(path, ".x509_svid"), Concat("the certificate of ", svid.spiffe_id(), " has expired"));
  }
  auto secret = std::make_shared<Secret>();
  secret->mutable_tls_certificate()->mutable_certificate_chain()->set_inline_bytes(*std::move(chain));
  secret->mutable_tls_certificate()->mutable_private_key()->set_inline_bytes(key);
  return secret;
}

v3::SPIFFECertValidatorConfig::TrustDomain TrustDomain(const std::string& name, const std::string& pem) {
  v3::SPIFFECertValidatorConfig::TrustDomain made;
  made.set_name(name);
  made.mutable_trust_bundle()->set_inline_bytes(pem);
  return made;
}

void Validate(const v3::SPIFFECertValidatorConfig& by, const std::string& revocations, Secret& secret) {
  auto& custom = *secret.mutable_validation_context()->mutable_custom_validator_config();
  custom.set_name("envoy.tls.cert_validator.spiffe");
  custom.mutable_typed_config()->PackFrom(by);
  if (!revocations.empty()) secret.mutable_validation_context()->mutable_crl()->set_inline_bytes(revocations);
}

// Bundles by trust domain.
class Bundles {
 public:
  explicit Bundles(const X509SVIDResponse& from) : revocations_(from.crl().begin(), from.crl().end()) {}

  absl::Status Add(const std::string& id, const std::string& der, const std::string& path) {
    const auto parsed = identity::ParseSpiffeId(id);
    if (const auto* error = std::get_if<identity::SpiffeIdError>(&parsed)) return Wrong(path, error->text);
    const std::string domain(std::get<identity::SpiffeId>(parsed).trust_domain);
    absl::StatusOr<std::string> pem = identity::CertificatesAsPem(der);
    if (!pem.ok()) return Wrong(path, Concat("the bundle of ", domain, ": ", std::string(pem.status().message())));
    if (domain_.empty()) domain_ = domain;
    by_domain_.emplace(domain, *std::move(pem));
    return absl::OkStatus();
  }

  absl::Status Put(SecretsByName& to) const {
    std::vector<std::string> bundles;
    for (const auto& [domain, pem] : by_domain_) bundles.push_back(pem);
    const absl::StatusOr<identity::SortedRevocations> revocations = identity::SortRevocations(revocations_, bundles);
    if (!revocations.ok()) return Wrong("crl", std::string(revocations.status().message()));
    auto all = std::make_shared<Secret>();
    v3::SPIFFECertValidatorConfig validator;
    size_t i = 0;
    for (const auto& [domain, pem] : by_domain_) {
      v3::SPIFFECertValidatorConfig own;
      *own.add_trust_domains() = TrustDomain(domain, pem);
      *validator.add_trust_domains() = TrustDomain(domain, pem);
      auto one = std::make_shared<Secret>();
      // Whose a list of none of the bundles is, only a chain can say: a plain context would ask everybody for it.
      if (revocations->of_others) {
        Validate(own, revocations->all, *one);
      } else {
        one->mutable_validation_context()->mutable_trusted_ca()->set_inline_bytes(pem);
        const std::string& lists = revocations->of_bundles[i];
        if (!lists.empty()) one->mutable_validation_context()->mutable_crl()->set_inline_bytes(lists);
      }
      ++i;
      if (domain == domain_) to["ROOTCA"] = one;
      to[Concat("spiffe://", domain)] = std::move(one);
    }
    Validate(validator, revocations->all, *all);
    to["ALL"] = std::move(all);
    return absl::OkStatus();
  }

 private:
  const std::vector<std::string> revocations_;  // DER
  std::string domain_;                          // of the default identity
  std::map<std::string, std::string> by_domain_;  // PEM
};

}  // namespace

absl::StatusOr<SecretsByName> ReadSvidResponse(std::string_view bytes, absl::Time now, std::vector<std::string>& notes) {
  X509SVIDResponse response;
  if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("bytes that are no X509SVIDResponse");
  }
  if (response.svids().empty()) return absl::InvalidArgumentError("svids: empty, expected at least one");
  SecretsByName secrets;
  Bundles bundles(response);
  for (int i = 0; i < response.svids_size(); ++i) {
    const X509SVID& svid = response.svids(i);
    const std::string path = Concat("svids[", i, "]");
    absl::StatusOr<std::shared_ptr<const Secret>> pair = ReadSvid(svid, now, path);
    if (!pair.ok()) return pair.status();
    const absl::Status added = bundles.Add(svid.spiffe_id(), svid.bundle(), Concat(path, ".bundle"));
    if (!added.ok()) return added;
    // The first of a name holds.
    if (i == 0) secrets.emplace("default", *pair);
    if (!svid.hint().empty()) secrets.emplace(Concat("hint:", svid.hint()), *pair);
    secrets.emplace(svid.spiffe_id(), *pair);
  }
  std::vector<std::pair<std::string, std::string>> federated(response.federated_bundles().begin(),
                                                             response.federated_bundles().end());
  std::ranges::sort(federated);
  for (const auto& [id, der] : federated) {
    const absl::Status added = bundles.Add(id, der, Concat("federated_bundles[", Quote(id), "]"));
    if (!added.ok()) notes.push_back(Concat(std::string(added.message()), "; that domain is not trusted"));
  }
  if (absl::Status status = bundles.Put(secrets); !status.ok()) return status;
  return secrets;
}

}  // namespace pillion::secrets
