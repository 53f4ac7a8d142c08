#include "source/ca/issuer.h"

#include <utility>

namespace pillion::ca {

Issuer::Issuer(const Store& store, Authority authority, Terms terms, std::vector<Workload> workloads,
               std::function<void(const Supply&)> supplied)
    : store_(store), authority_(std::move(authority)), terms_(terms), supplied_(std::move(supplied)) {
  for (Workload& workload : workloads) clients_.push_back({.workload = std::move(workload)});
}

absl::Status Issuer::Step(absl::Time now) {
  const absl::StatusOr<bool> changed = authority_.Advance(now, terms_);
  if (!changed.ok()) return changed.status();
  if (*changed) {
    saved_ = false;
    for (Client& client : clients_) client.current = false;
  }
  for (Client& client : clients_) {
    if (client.svid && now < RenewalTime(client.svid->leaf()) && now >= identity::NotBefore(client.svid->leaf())) {
      continue;
    }
    absl::StatusOr<identity::KeyPair> svid = authority_.Issue(client.workload.spiffe_id, now, terms_);
    if (!svid.ok()) return svid.status();
    saved_ = false;
    client.svid = *std::move(svid);
    client.renewed = true;
    client.current = false;
  }
  // Nobody may have what the store does not know of: after a restart it would be trusted for too short a time.
  if (!saved_) {
    if (absl::Status status = store_.Save(authority_); !status.ok()) return status;
    saved_ = true;
  }
  const std::string bundle = authority_.BundlePem();
  for (Client& client : clients_) {
    if (client.current) continue;
    if (absl::Status status = store_.Publish(client.workload, *client.svid, bundle); !status.ok()) return status;
    client.current = true;
    supplied_({client.workload, *client.svid, authority_, std::exchange(client.renewed, false)});
  }
  return absl::OkStatus();
}

}  // namespace pillion::ca
