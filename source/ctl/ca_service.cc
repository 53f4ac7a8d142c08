#include "source/ctl/ca_service.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include "source/identity/text.h"

namespace pillion::ctl {
namespace {

// Each with its time, and at once: somebody may be waiting for it.
void Say(const std::string& line) {
  std::printf("%s %s\n", ca::TimeText(absl::Now()).c_str(), line.c_str());
  std::fflush(stdout);
}

}  // namespace

CaService::CaService(const ca::Store& store, ca::Authority authority, ca::Terms terms,
                     std::vector<ca::Workload> workloads, std::vector<Listen> listens)
    : store_(store),
      terms_(terms),
      listens_(std::move(listens)),
      issuer_(store, std::move(authority), terms, workloads,
              [this](const ca::Supply& supply) { OnSupply(supply); }) {
  for (const ca::Workload& workload : workloads) servers_.try_emplace(workload.name);
}

void CaService::OnSupply(const ca::Supply& supply) {
  servers_.find(supply.workload.name)->second.Supply(supply);
  const std::string roots = supply.authority.roots().size() == 1
                                ? "1 root"
                                : identity::Concat(supply.authority.roots().size(), " roots");
  Say(identity::Concat(supply.workload.name, ": ", supply.renewed ? "a new SVID, " : "a new bundle; SVID ",
                       supply.workload.spiffe_id, " until ", ca::TimeText(identity::NotAfter(supply.svid.leaf())),
                       ", ", roots, " in the bundle"));
}

absl::Status CaService::StartServers() {
  for (auto& [name, server] : servers_) {
    std::vector<net::Address> addresses;
    std::string places;
    for (const Listen& listen : listens_) {
      if (listen.workload != name) continue;
      addresses.push_back(listen.address);
      places += " and tcp://" + listen.address.text();
    }
    const std::string path = ca::WorkloadFolder(store_.folder(), name) + "/api.sock";
    if (absl::Status status = server.Start(path, addresses); !status.ok()) return status;
    std::error_code error;
    const std::string whole = std::filesystem::absolute(path, error).lexically_normal().string();
    Say(identity::Concat(name, ": Workload API at unix://", whole, places));
  }
  return absl::OkStatus();
}

absl::Status CaService::RunUntilSignal() {
  // Before gRPC makes its threads, which inherit it.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  if (absl::Status status = issuer_.Step(absl::Now()); !status.ok()) return status;
  if (absl::Status status = StartServers(); !status.ok()) return status;
  Say("ready");
  // Looking often, instead of waiting for what is due next, also notices clocks that were set and machines that slept.
  const absl::Duration pace = std::clamp(terms_.svid_ttl / 40, absl::Milliseconds(50), absl::Seconds(1));
  const timespec wait = absl::ToTimespec(pace);
  std::string trouble;
  while (sigtimedwait(&signals, nullptr, &wait) < 0) {
    const absl::Status status = issuer_.Step(absl::Now());
    const std::string said = std::exchange(trouble, std::string(status.message()));
    if (!status.ok() && trouble != said) Say(identity::Concat("trouble, tried again until it works: ", trouble));
    if (status.ok() && !said.empty()) Say("the trouble is over");
  }
  Say("ends");
  return absl::OkStatus();
}

}  // namespace pillion::ctl
