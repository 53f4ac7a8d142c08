#include "source/ctl/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "source/base/version.h"
#include "source/ctl/ca_command.h"
#include "source/identity/text.h"

namespace pillion::ctl {

int Run(int argc, char** argv) {
  CLI::App app("pillionctl: what belongs to pillion, and is not on the way of a request", "pillionctl");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("pillionctl ") + base::kVersion, "Print the version and end");
  CaCommand ca(app);

  std::ostringstream text;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked = app.exit(error, text, text) == 0;
    if (asked) {
      std::fputs(text.str().c_str(), stdout);
      return EXIT_SUCCESS;
    }
    // Where a word is not understood, CLI11 only sees that the right one is missing.
    const std::vector<std::string> unknown = app.remaining(/*recurse=*/true);
    const std::string place = unknown.empty() ? "" : identity::Quote(unknown.front()) + " is not known: ";
    std::fprintf(stderr, "pillionctl: %s%s\nRun it with --help for more.\n", place.c_str(), error.what());
    return EXIT_FAILURE;
  }
  const absl::Status status = ca.Run();
  if (status.ok()) return EXIT_SUCCESS;
  std::fprintf(stderr, "pillionctl: %s\n", std::string(status.message()).c_str());
  return EXIT_FAILURE;
}

}  // namespace pillion::ctl
