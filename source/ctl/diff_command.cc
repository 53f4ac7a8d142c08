#include "source/ctl/diff_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string_view>
#include <vector>

#include "source/base/escape.h"
#include "source/ctl/admin_client.h"
#include "source/ctl/difference.h"

namespace pillion::ctl {
namespace {

constexpr size_t kMostNamed = 10;  // in a line

std::string_view KindText(Difference::Kind kind) {
  switch (kind) {
    case Difference::Kind::kAdded:
      return "added";
    case Difference::Kind::kRemoved:
      return "removed";
    case Difference::Kind::kChanged:
      return "changed";
    case Difference::Kind::kMoved:
      return "moved";
  }
  return "";
}

std::string JsonOf(const std::vector<Difference>& differences) {
  std::string json = "[";
  for (const Difference& difference : differences) {
    json += json.size() > 1 ? ",\n {" : "\n {";
    bool first = true;
    const auto member = [&](std::string_view name, std::string_view value) {
      if (value.empty()) return;
      if (!first) json += ", ";
      first = false;
      base::AppendJsonString(json, name);
      json += ": ";
      base::AppendJsonString(json, value);
    };
    member("part", difference.part);
    member("place", difference.place);
    member("field", difference.field);
    member("kind", KindText(difference.kind));
    member("before", difference.before);
    member("after", difference.after);
    member("text", difference.Text());
    json += '}';
  }
  return json + (json.size() > 1 ? "\n]\n" : "]\n");
}

// To standard error, as it is no difference.
void SayNotCompared(const Configuration& a, const Configuration& b) {
  const std::vector<Configuration::Name> names = NotCompared(a, b);
  if (names.empty()) return;
  const bool with_bootstrap = a.from == Configuration::From::kBootstrap || b.from == Configuration::From::kBootstrap;
  std::string text = with_bootstrap ? "not compared, as others gave it to the process, which a bootstrap only asks for: "
                                    : "not compared, as it is static in the process: ";
  for (size_t i = 0; i < names.size() && i < kMostNamed; ++i) text += (i == 0 ? "" : ", ") + PartText(names[i]);
  if (names.size() > kMostNamed) text += " and " + std::to_string(names.size() - kMostNamed) + " more";
  std::fprintf(stderr, "pillionctl: note: %s\n", text.c_str());
}

}  // namespace

DiffCommand::DiffCommand(CLI::App& app)
    : command_(app.add_subcommand(
          "diff", "What is different between two configurations; status 0: nothing, 1: something, 2: trouble")) {
  command_->add_option("A", a_, "A bootstrap or a set of resources, or the administration of a process that runs")
      ->required();
  command_->add_option("B", b_, "The same, of what comes after")->required();
  command_->add_option("--token-file", token_file_, "A file with the token for the administration");
  command_->add_flag("--json", json_, "As JSON");
}

absl::StatusOr<Configuration> DiffCommand::Read(const std::string& from) const {
  if (!IsAdminAddress(from)) return ReadConfiguration(from);
  const absl::StatusOr<AdminTarget> target = ParseAdminTarget(from, token_file_);
  if (!target.ok()) return target.status();
  const absl::StatusOr<std::string> dump = AskAdmin(*target, "/config_dump?include_eds");
  if (!dump.ok()) return dump.status();
  return ReadConfigDump(*dump);
}

absl::StatusOr<std::optional<int>> DiffCommand::Run() const {
  if (!asked()) return std::nullopt;
  const absl::StatusOr<Configuration> a = Read(a_);
  if (!a.ok()) return a.status();
  const absl::StatusOr<Configuration> b = Read(b_);
  if (!b.ok()) return b.status();
  const std::vector<Difference> differences = Compare(*a, *b);
  SayNotCompared(*a, *b);
  if (json_) {
    std::fputs(JsonOf(differences).c_str(), stdout);
  } else {
    for (const Difference& difference : differences) std::printf("%s\n", difference.Text().c_str());
  }
  return differences.empty() ? kEqual : kDifferent;
}

}  // namespace pillion::ctl
