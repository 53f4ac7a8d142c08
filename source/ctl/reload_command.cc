#include "source/ctl/reload_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "source/config/read_file.h"
#include "source/config/tree.h"
#include "source/ctl/admin_client.h"
#include "source/identity/text.h"

namespace pillion::ctl {
namespace {

using identity::Concat;

}  // namespace

ReloadCommand::ReloadCommand(CLI::App& app)
    : command_(app.add_subcommand("reload", "Other clusters, listeners and secrets for a process that runs")) {
  command_->add_option("ADMIN", admin_, "Its administration: 127.0.0.1:9901, or unix:///run/pillion/admin.sock")->required();
  command_->add_option("FILE", file_,
                       "A bootstrap, of which static_resources are taken, or a list of resources; YAML or JSON. "
                       "Without one, the process reads its own file again");
  command_->add_option("--token-file", token_file_, "A file with the token for the administration");
  command_->add_flag("--json", json_, "As JSON");
}

absl::StatusOr<std::optional<int>> ReloadCommand::Run() const {
  if (!command_->parsed()) return std::nullopt;
  const absl::StatusOr<AdminTarget> target = ParseAdminTarget(admin_, token_file_);
  if (!target.ok()) return target.status();
  std::string text;
  std::vector<std::pair<std::string, std::string>> query = {{"format", json_ ? "json" : "text"}};
  if (!file_.empty()) {
    absl::StatusOr<std::string> read = config::ReadFileOrPipe(file_, config::Tree::kMaxBytes);
    if (!read.ok()) return absl::InvalidArgumentError(Concat(file_, ": ", std::string(read.status().message())));
    if (read->empty()) return absl::InvalidArgumentError(Concat(file_, ": empty, expected static_resources or resources"));
    text = *std::move(read);
    query.emplace_back("name", file_);
  }
  absl::StatusOr<AdminAnswer> answer = PostToAdmin(*target, "/api/reload" + QueryOf(query), text);
  if (!answer.ok()) return answer.status();
  const bool taken = answer->status == 200;
  if (taken || answer->status == 422 || (json_ && answer->status == 400)) {
    std::fputs(answer->body.c_str(), stdout);
    return taken ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  std::string& why = answer->body;
  while (!why.empty() && why.back() == '\n') why.pop_back();
  if (answer->status == 400) return absl::InvalidArgumentError(why);
  return absl::UnavailableError(Concat(target->name, ": answered with ", answer->status, ": ", why));
}

}  // namespace pillion::ctl
