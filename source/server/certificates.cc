#include "source/server/certificates.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"

namespace pillion::server {
namespace {

std::string TimeText(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone()); }

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
  view.valid_from = TimeText(identity::NotBefore(certificate));
  view.expiration_time = TimeText(end);
  view.days_until_expiration = static_cast<uint64_t>(std::max<int64_t>((end - absl::Now()) / absl::Hours(24), 0));
  return view;
}

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
  }
  return view;
}

}  // namespace

void ForEachContext(const config::Bootstrap& bootstrap,
                    const std::function<void(const ContextOwner& owner, config::RenewableContext& context)>& visit) {
  if (bootstrap.admin.access && bootstrap.admin.access->tls != nullptr) {
    visit({"admin", stats::Prefix("admin").Add("server_ssl_socket_factory")}, *bootstrap.admin.access->tls);
  }
  for (const auto& listener : bootstrap.listeners) {
    const ContextOwner owner{"listener " + listener->name, stats::Prefix("listener")
                                                               .Add(stats::kListenerAddress, listener->stat_prefix)
                                                               .Add("server_ssl_socket_factory")};
    for (const config::FilterChain& chain : listener->filter_chains) {
      if (chain.tls != nullptr) visit(owner, *chain.tls->context);
    }
  }
  for (const auto& cluster : bootstrap.clusters) {
    const ContextOwner owner{"cluster " + cluster->name, stats::Prefix("cluster")
                                                             .Add(stats::kClusterName, cluster->stat_name)
                                                             .Add("client_ssl_socket_factory")};
    if (cluster->tls != nullptr) visit(owner, *cluster->tls->context);
    for (const config::TransportSocketMatch& match : cluster->transport_matches) {
      if (match.tls != nullptr) visit(owner, *match.tls->context);
    }
  }
}

bool IsOverdue(const X509* certificate, absl::Time now) {
  const absl::Time begin = identity::NotBefore(certificate);
  return now >= begin + (identity::NotAfter(certificate) - begin) / 2;
}

std::vector<admin::CertificatesView> CertificatesOf(const config::Bootstrap& bootstrap) {
  std::vector<admin::CertificatesView> views;
  ForEachContext(bootstrap, [&](const ContextOwner&, const config::RenewableContext& context) {
    views.push_back(ViewOf(context));
  });
  return views;
}

}  // namespace pillion::server
