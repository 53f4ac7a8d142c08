#include "source/server/certificates.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "source/config/own_certificates.h"

namespace pillion::server {
namespace {

admin::CertificateView ViewOf(const X509* certificate, const std::string& path) {
  admin::CertificateView view{.path = path, .serial = identity::SerialText(certificate)};
  const auto names = identity::SubjectNames(certificate);
  if (names.ok()) {
    for (const identity::SubjectName& name : *names) {
      switch (name.type) {
        case identity::NameType::kUri:
          view.names.emplace_back("uri", name.text);
          break;
        case identity::NameType::kDns:
          view.names.emplace_back("dns", name.text);
          break;
        case identity::NameType::kIp:
          view.names.emplace_back("ip_address", name.text);
          break;
        default:
          break;
      }
    }
  }
  const absl::Time end = identity::NotAfter(certificate);
  view.valid_from = config::UtcText(identity::NotBefore(certificate));
  view.expiration_time = config::UtcText(end);
  view.days_until_expiration = static_cast<uint64_t>(std::max<int64_t>((end - absl::Now()) / absl::Hours(24), 0));
  return view;
}

}  // namespace

admin::CertificatesView ViewOf(const config::RenewableContext& source) {
  const std::shared_ptr<const tls::Context> context = source.current();
  const config::CertificateFiles& files = source.files();
  admin::CertificatesView view;
  if (context == nullptr) return view;  // nothing has come yet
  const auto add = [&](const identity::CertificateStack& trusted, const std::string& path) {
    for (int i = 0; i < sk_X509_num(trusted.get()); ++i) {
      view.trusted.push_back(ViewOf(sk_X509_value(trusted.get(), i), path));
    }
  };
  if (const identity::PeerPolicy* policy = context->policy()) {
    if (policy->trusted() != nullptr) add(policy->trusted(), files.trusted);
    for (const auto& [domain, bundle] : policy->bundles()) add(bundle, files.bundles.at(domain));
  }
  for (size_t i = 0; i < context->parts().pairs.size(); ++i) {
    const X509* const leaf = context->parts().pairs[i].leaf();
    view.chain.push_back(ViewOf(leaf, files.chains[i]));
    view.chain.back().overdue = IsOverdue(leaf, absl::Now());
    const std::optional<identity::OcspResponse>& ocsp = context->parts().pairs[i].ocsp;
    if (!ocsp) continue;
    view.chain.back().ocsp_valid_from = config::UtcText(ocsp->begins);
    view.chain.back().ocsp_expiration = config::UtcText(ocsp->ends);
  }
  return view;
}

std::map<std::string, uint64_t> Expirations(const config::RenewableContext& source) {
  std::map<std::string, uint64_t> ends;
  const std::shared_ptr<const tls::Context> context = source.current();
  if (context == nullptr) return ends;
  // Envoy's names of what has none: the digest is that of no bytes.
  const auto add = [&ends](const std::string& name, std::string_view unnamed, const X509* certificate) {
    const auto end = static_cast<uint64_t>(std::max<int64_t>(absl::ToUnixSeconds(identity::NotAfter(certificate)), 0));
    const auto [at, added] = ends.emplace(name.empty() ? fmt::format("{}_e3b0c442", unnamed) : name, end);
    if (!added) at->second = std::min(at->second, end);
  };
  const config::CertificateFiles& files = source.files();
  for (size_t i = 0; i < context->parts().pairs.size(); ++i) {
    add(files.names[i], "unnamed_cert", context->parts().pairs[i].leaf());
  }
  constexpr std::string_view kUnnamed = "unnamed_ca_cert";
  const identity::PeerPolicy* const policy = context->policy();
  if (policy == nullptr) return ends;
  for (int i = 0; i < sk_X509_num(policy->trusted().get()); ++i) {
    add(files.trusted_name, kUnnamed, sk_X509_value(policy->trusted().get(), i));
  }
  const std::string front = files.trusted_name.empty() ? fmt::format("{}_e3b0c442", kUnnamed) : files.trusted_name;
  int number = 0;
  for (const auto& [domain, bundle] : policy->bundles()) {
    for (int i = 0; i < sk_X509_num(bundle.get()); ++i) {
      add(fmt::format("{}_{}", front, number++), "", sk_X509_value(bundle.get(), i));
    }
  }
  return ends;
}

ContextOwner OwnerOf(const config::Listener& listener) {
  return {ContextOwner::Kind::kListener, "listener " + listener.name,
          stats::Prefix("listener").Add(stats::kListenerAddress, listener.stat_prefix).Add("server_ssl_socket_factory"),
          stats::Prefix("listener").Add(stats::kListenerAddress, listener.stat_prefix).Add("ssl").Add("certificate")};
}

ContextOwner OwnerOf(const config::Cluster& cluster) {
  return {ContextOwner::Kind::kCluster, "cluster " + cluster.name,
          stats::Prefix("cluster").Add(stats::kClusterName, cluster.stat_name).Add("client_ssl_socket_factory"),
          stats::Prefix("cluster").Add(stats::kClusterName, cluster.stat_name).Add("ssl").Add("certificate")};
}

Contexts ContextsOf(const config::Cluster& cluster) {
  Contexts contexts;
  if (cluster.tls != nullptr) contexts.push_back(cluster.tls->context);
  for (const config::TransportSocketMatch& match : cluster.transport_matches) {
    if (match.tls != nullptr) contexts.push_back(match.tls->context);
  }
  return contexts;
}

std::string SecretText(const config::RemoteSecret& secret) { return "secret \"" + secret.name() + '"'; }

std::vector<std::shared_ptr<config::RemoteSecret>> SecretsOf(const Contexts& contexts) {
  std::vector<std::shared_ptr<config::RemoteSecret>> secrets;
  for (const std::shared_ptr<config::RenewableContext>& context : contexts) {
    secrets.insert(secrets.end(), context->secrets().begin(), context->secrets().end());
  }
  return secrets;
}

bool IsOverdue(const X509* certificate, absl::Time now) {
  const absl::Time begin = identity::NotBefore(certificate);
  return now >= begin + (identity::NotAfter(certificate) - begin) / 2;
}

}  // namespace pillion::server
