#include "source/ctl/explain_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

#include "source/ctl/admin_client.h"

namespace pillion::ctl {
namespace {

struct Parameter {
  const char* name;
  const char* help;
};

constexpr Parameter kParameters[] = {
    {"method", "Of the request; default GET"},
    {"authority", "Its host, with or without a port"},
    {"path", "With its query; default /"},
    {"header", "NAME:VALUE; may be repeated"},
    {"listener", "The listener, by its name"},
    {"address", "The listener, by its address IP:PORT"},
    {"port", "The listener, by its port"},
    {"source", "Who connects, IP or IP:PORT; default 127.0.0.1"},
    {"destination", "Where a redirected connection was meant to go, IP:PORT"},
    {"tls", "Whether the client speaks TLS: true or false"},
    {"sni", "The server name that it asks for"},
    {"alpn", "Protocols that it offers, as h2,http/1.1"},
    {"principal", "A name in its certificate, as spiffe://a.test/web; may be repeated"},
    {"colour", "A label of its colour, KEY=VALUE, as env=gray; may be repeated"},
    {"random", "The request's random number, by which chance decides"},
};

// Without its own value an option would take the next option for it.
std::string NotAnOption(const std::string& value) {
  return value.starts_with("--") ? "has no value before " + value + ", expected one" : "";
}

}  // namespace

ExplainCommand::ExplainCommand(CLI::App& app)
    : command_(app.add_subcommand("explain", "What a request would meet at a process that runs; nothing is sent")) {
  command_->add_option("ADMIN", admin_, "Its administration: 127.0.0.1:9901, or unix:///run/pillion/admin.sock")->required();
  command_->add_option("--token-file", token_file_, "A file with the token for the administration");
  command_->add_flag("--json", json_, "As JSON");
  parameters_.reserve(std::size(kParameters));  // options keep references
  for (const Parameter& parameter : kParameters) {
    auto& added = parameters_.emplace_back(parameter.name, std::vector<std::string>());
    command_->add_option(std::string("--") + parameter.name, added.second, parameter.help)
        ->allow_extra_args(false)
        ->check(NotAnOption);
  }
}

absl::StatusOr<std::optional<int>> ExplainCommand::Run() const {
  if (!command_->parsed()) return std::nullopt;
  const absl::StatusOr<AdminTarget> target = ParseAdminTarget(admin_, token_file_);
  if (!target.ok()) return target.status();
  std::vector<std::pair<std::string, std::string>> query;
  if (json_) query.emplace_back("format", "json");
  for (const auto& [name, values] : parameters_) {
    for (const std::string& value : values) query.emplace_back(name, value);
  }
  const absl::StatusOr<std::string> answer = AskAdmin(*target, "/explain" + QueryOf(query));
  if (!answer.ok()) return answer.status();
  std::fputs(answer->c_str(), stdout);
  return EXIT_SUCCESS;
}

}  // namespace pillion::ctl
