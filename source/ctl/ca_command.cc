#include "source/ctl/ca_command.h"

#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <optional>

#include "source/ca/files.h"
#include "source/ca/issuer.h"
#include "source/ca/store.h"
#include "source/ctl/arguments.h"
#include "source/ctl/ca_service.h"
#include "source/identity/text.h"

namespace pillion::ctl {
namespace {

using ca::TimeText;
using identity::Concat;
using identity::Quote;

// The loop's pace, and certificates have whole seconds: below this their dates say little.
constexpr absl::Duration kLeastSvidTtl = absl::Seconds(4);
constexpr int kSvidsInCaTtl = 3;

absl::StatusOr<ca::Terms> ReadTerms(const std::string& svid_ttl, const std::string& ca_ttl) {
  const absl::StatusOr<absl::Duration> svid = ParseDuration(svid_ttl, kLeastSvidTtl);
  if (!svid.ok()) return absl::InvalidArgumentError(Concat("--svid-ttl ", std::string(svid.status().message())));
  const absl::StatusOr<absl::Duration> ca = ParseDuration(ca_ttl, kLeastSvidTtl * kSvidsInCaTtl);
  if (!ca.ok()) return absl::InvalidArgumentError(Concat("--ca-ttl ", std::string(ca.status().message())));
  if (*ca < *svid * kSvidsInCaTtl) {
    return absl::InvalidArgumentError(Concat("--ca-ttl ", Quote(ca_ttl),
                                             ": expected at least three times --svid-ttl, ", Quote(svid_ttl),
                                             ", so that roots outlive what they sign"));
  }
  return ca::Terms{.svid_ttl = *svid, .ca_ttl = *ca};
}

absl::StatusOr<std::vector<ca::Workload>> ReadWorkloads(const std::vector<std::string>& texts,
                                                        const std::string& trust_domain) {
  std::vector<ca::Workload> workloads;
  for (const std::string& text : texts) {
    absl::StatusOr<ca::Workload> workload = ca::ParseWorkload(text, trust_domain);
    if (!workload.ok()) return workload.status();
    for (const ca::Workload& other : workloads) {
      if (other.name == workload->name) {
        return absl::InvalidArgumentError(Concat("workload ", Quote(workload->name), ": is there twice"));
      }
    }
    workloads.push_back(*std::move(workload));
  }
  return workloads;
}

// What can be told of an SVID's file.
std::string SvidText(const std::string& path, absl::Time now) {
  const absl::StatusOr<std::string> pem = ca::ReadWholeFile(path);
  if (!pem.ok()) return std::string(pem.status().message());
  const absl::StatusOr<identity::CertificateStack> chain = identity::ReadCertificates(*pem);
  if (!chain.ok()) return Concat(path, ": ", std::string(chain.status().message()));
  X509* const leaf = sk_X509_value(chain->get(), 0);
  const absl::StatusOr<std::vector<identity::SubjectName>> names = identity::SubjectNames(leaf);
  const std::string id = names.ok() && !names->empty() ? names->front().text : "no name";
  const absl::Time ends = identity::NotAfter(leaf);
  return Concat(id, ends > now ? "  until " : "  ended ", TimeText(ends));
}

}  // namespace

CaCommand::CaCommand(CLI::App& app) {
  CLI::App* const ca =
      app.add_subcommand("ca", "A development CA: X.509 SVIDs of SPIFFE for the workloads of a laptop");
  ca->require_subcommand(1);
  run_ = ca->add_subcommand("run", "Issue and renew SVIDs, into files and by the Workload API, until SIGTERM");
  issue_ = ca->add_subcommand("issue", "Write one SVID with its key and bundle, and end");
  show_ = ca->add_subcommand("show", "Say what there is, and until when");
  for (CLI::App* const command : {run_, issue_, show_}) {
    command->add_option("--dir", folder_, "The CA's folder; made if it is not there")->required();
  }
  for (CLI::App* const command : {run_, issue_}) {
    command->add_option("--trust-domain", trust_domain_, "Of which trust domain; needed where there is no CA yet");
    command->add_option("--svid-ttl", svid_ttl_, "For how long an SVID is good")->capture_default_str();
    command->add_option("--ca-ttl", ca_ttl_, "For how long a root is good that is made now")
        ->capture_default_str();
  }
  run_->add_option("--workload", workloads_,
                   "Who gets an SVID: NAME for spiffe://TRUST-DOMAIN/NAME, or NAME=PATH; may be repeated")
      ->required()
      ->allow_extra_args(false);
  run_->add_option("--listen", listens_,
                   "NAME=IP:PORT: the Workload API of a workload there, too; may be repeated")
      ->allow_extra_args(false);
  run_->add_flag("--allow-remote", allow_remote_, "Let --listen name addresses that other machines reach");
  issue_->add_option("workload", workloads_, "Who gets it: NAME, or NAME=PATH")->required()->expected(1);
}

absl::Status CaCommand::Run() const {
  umask(0077);  // nothing here is anybody else's business
  return run_->parsed() ? Serve() : issue_->parsed() ? Issue() : Show();
}

absl::Status CaCommand::Serve() const {
  const absl::StatusOr<ca::Terms> terms = ReadTerms(svid_ttl_, ca_ttl_);
  if (!terms.ok()) return terms.status();
  std::vector<Listen> listens;
  for (const std::string& text : listens_) {
    absl::StatusOr<Listen> listen = ParseListen(text, allow_remote_);
    if (!listen.ok())
      return absl::InvalidArgumentError(Concat("--listen ", std::string(listen.status().message())));
    listens.push_back(*std::move(listen));
  }
  absl::StatusOr<ca::Store> store = ca::Store::Open(folder_);
  if (!store.ok()) return store.status();
  absl::StatusOr<ca::Authority> authority = store->Load(trust_domain_);
  if (!authority.ok()) return authority.status();
  absl::StatusOr<std::vector<ca::Workload>> workloads = ReadWorkloads(workloads_, authority->trust_domain());
  if (!workloads.ok()) return workloads.status();
  for (const Listen& listen : listens) {
    if (std::none_of(workloads->begin(), workloads->end(),
                     [&](const ca::Workload& workload) { return workload.name == listen.workload; })) {
      return absl::InvalidArgumentError(
          Concat("--listen of ", Quote(listen.workload), ": there is no such --workload"));
    }
  }
  CaService service(*store, *std::move(authority), *terms, *std::move(workloads), std::move(listens));
  return service.RunUntilSignal();
}

absl::Status CaCommand::Issue() const {
  const absl::StatusOr<ca::Terms> terms = ReadTerms(svid_ttl_, ca_ttl_);
  if (!terms.ok()) return terms.status();
  absl::StatusOr<ca::Store> store = ca::Store::Open(folder_);
  if (!store.ok()) return store.status();
  absl::StatusOr<ca::Authority> authority = store->Load(trust_domain_);
  if (!authority.ok()) return authority.status();
  absl::StatusOr<std::vector<ca::Workload>> workloads = ReadWorkloads(workloads_, authority->trust_domain());
  if (!workloads.ok()) return workloads.status();
  ca::Issuer issuer(*store, *std::move(authority), *terms, *std::move(workloads),
                    [this](const ca::Supply& supply) {
                      std::printf("%s until %s in %s\n", supply.workload.spiffe_id.c_str(),
                                  TimeText(identity::NotAfter(supply.svid.leaf())).c_str(),
                                  ca::WorkloadFolder(folder_, supply.workload.name).c_str());
                    });
  return issuer.Step(absl::Now());
}

absl::Status CaCommand::Show() const {
  const absl::StatusOr<std::optional<ca::Authority>> found = ca::LoadAuthority(folder_);
  if (!found.ok()) return found.status();
  if (!*found) return absl::NotFoundError(Concat(folder_, ": there is no CA"));
  const ca::Authority& authority = **found;
  const absl::Time now = absl::Now();
  std::printf("trust domain %s\n", authority.trust_domain().c_str());
  const ca::Root* const signer = &authority.SignerAt(now);
  for (const ca::Root& root : authority.roots()) {
    const std::string standing = root.ends() <= now ? "has ended"
                                 : &root == signer  ? "signs"
                                 : root.signs_from > now
                                     ? Concat("signs from ", TimeText(root.signs_from))
                                     : Concat("its last SVID ends ", TimeText(root.last_svid_ends));
    std::printf("root %s  until %s  %s\n", identity::SerialText(root.pair.leaf()).c_str(),
                TimeText(root.ends()).c_str(), standing.c_str());
  }
  for (const std::string& name : ca::NamesIn(folder_ + "/svids")) {
    const std::string path = ca::WorkloadFolder(folder_, name) + "/svid.pem";
    std::printf("svid %s  %s\n", name.c_str(), SvidText(path, now).c_str());
  }
  return absl::OkStatus();
}

}  // namespace pillion::ctl
