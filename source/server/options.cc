#include "source/server/options.h"

#include <sched.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cctype>
#include <list>
#include <sstream>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "source/base/version.h"
#include "source/config/nearest.h"
#include "source/server/log.h"

namespace pillion::server {
namespace {

constexpr char kNoHotRestart[] = "there is no hot restart";
constexpr char kSharesPorts[] = "there is no hot restart; but listeners may share their ports with another process";
constexpr char kDefaultFormat[] = "[%Y-%m-%d %H:%M:%S.%e][%t][%l][%n] %v";

// How the administration shows a number.
enum class NumberForm : uint8_t { kNumber, kText, kSeconds, kOctal };

// As in the command line, with '_' for '-' and without a unit: the field of envoy.admin.v3.CommandLineOptions.
std::string FieldName(std::string name) {
  name = name.substr(name.rfind("--") + 2);
  for (const std::string_view unit : {"-s", "-kb"}) {
    if (name.ends_with(unit)) name.resize(name.size() - unit.size());
  }
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// The flags: what is read into the options, and what is only taken. The first thing that is wrong is `error`.
class Flags {
 public:
  Flags(CLI::App& app, Options& options) : app_(app), options_(options) {}

  const std::string& error() const { return error_; }

  CLI::Option* Text(const std::string& name, std::string& to, const std::string& help) {
    return app_.add_option_function<std::string>(
        name, [&to](const std::string& text) { to = text; }, help);
  }
  CLI::Option* Number(const std::string& name, uint32_t& to, uint32_t least, uint32_t most,
                      const std::string& help) {
    return app_.add_option_function<std::string>(
        name,
        [this, name, &to, least, most](const std::string& text) {
          if (!absl::SimpleAtoi(text, &to) || text.starts_with('+') || to < least || to > most) {
            Expected(name, text, absl::StrCat("a whole number from ", least, " to ", most));
          }
        },
        help);
  }
  CLI::Option* Choice(const std::string& name, std::string& to, std::vector<std::string> choices,
                      const std::string& help) {
    return app_.add_option_function<std::string>(
        name,
        [this, name, &to, choices](const std::string& text) {
          to = text;
          if (std::find(choices.begin(), choices.end(), text) != choices.end()) return;
          Expected(name, text, "one of " + absl::StrJoin(choices, ", "));
        },
        absl::StrCat(help, ": ", absl::StrJoin(choices, ", ")));
  }
  CLI::Option* Switch(const std::string& name, bool& to, const std::string& help) {
    return app_.add_flag_callback(
        name, [&to] { to = true; }, help);
  }
  // Taken, and shown by the administration; when given, `why` it has no effect is said.
  void WithoutEffect(const std::string& name, const char* why, uint32_t standard,
                     NumberForm form = NumberForm::kNumber) {
    auto* number = &numbers_.emplace_back(FieldName(name), standard, form);
    app_.add_option_function<std::string>(
        name,
        [this, name, number, why](const std::string& text) {
          const bool octal = number->form == NumberForm::kOctal;
          if (octal ? !ReadOctal(text, number->value) : !absl::SimpleAtoi(text, &number->value)) {
            Expected(name, text, octal ? "permissions in octal, such as 600" : "a whole number");
          }
          Say(name, why);
        },
        Unused(why));
  }
  void WithoutEffect(const std::string& name, const char* why, const std::string& standard) {
    auto* text = &texts_.emplace_back(FieldName(name), standard);
    app_.add_option_function<std::string>(
        name,
        [this, name, text, why](const std::string& given) {
          text->second = given;
          Say(name, why);
        },
        Unused(why));
  }
  void WithoutEffect(const std::string& name, const char* why) {
    auto* set = &switches_.emplace_back(FieldName(name), false);
    app_.add_flag_callback(
        name,
        [this, name, set, why] {
          set->second = true;
          Say(name, why);
        },
        Unused(why));
  }
  void Say(const std::string& name, const std::string& why) {
    options_.without_effect.push_back(absl::StrCat(name, " has no effect here: ", why));
  }
  void Expected(const std::string& name, const std::string& value, const std::string& expected) {
    if (error_.empty()) error_ = absl::StrCat(name, " \"", value, "\": expected ", expected);
  }
  void Show() {
    for (const auto& [name, value] : texts_) options_.shown.emplace_back(name, value);
    for (const auto& [name, value] : switches_) options_.shown.emplace_back(name, value);
    for (const auto& [name, value, form] : numbers_) {
      if (form == NumberForm::kNumber || form == NumberForm::kOctal) {
        options_.shown.emplace_back(name, uint64_t{value});
      } else {
        options_.shown.emplace_back(name, absl::StrCat(value, form == NumberForm::kSeconds ? "s" : ""));
      }
    }
  }

 private:
  struct GivenNumber {
    std::string name;
    uint32_t value;
    NumberForm form;
  };

  static bool ReadOctal(const std::string& text, uint32_t& to) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to, 8);
    return error == std::errc() && end == text.data() + text.size() && to <= 0777;
  }
  static std::string Unused(const char* why) { return absl::StrCat("Taken without effect: ", why); }

  CLI::App& app_;
  Options& options_;
  std::string error_;
  std::list<std::pair<std::string, std::string>> texts_;
  std::list<std::pair<std::string, bool>> switches_;
  std::list<GivenNumber> numbers_;
};

uint32_t Processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return static_cast<uint32_t>(std::max(1, CPU_COUNT(&set)));
  return std::max(1u, std::thread::hardware_concurrency());
}

// "a:debug,b:info"
void ReadComponentLevels(Flags& flags, const std::string& text, Options& options) {
  for (const absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> level = absl::StrSplit(part, absl::MaxSplits(':', 1));
    if (!IsLogger(level.first)) {
      return flags.Expected("--component-log-level", level.first, "a component" + NearestLogger(level.first));
    }
    if (!IsLogLevel(level.second)) {
      return flags.Expected("--component-log-level", std::string(part),
                            "COMPONENT:LEVEL, a level being trace, debug, info, "
                            "warning, error, critical or off");
    }
    options.component_log_levels.push_back(level);
  }
}

void ReadStatsTag(Flags& flags, const std::string& text, Options& options) {
  const std::pair<std::string, std::string> tag = absl::StrSplit(text, absl::MaxSplits(':', 1));
  const auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  const bool good = !tag.first.empty() && std::all_of(tag.first.begin(), tag.first.end(), plain) &&
                    !tag.second.empty() && tag.second.find('.') == std::string::npos;
  if (!good)
    return flags.Expected("--stats-tag", text, "NAME:VALUE, letters and digits in the name, no dot in the value");
  for (const auto& other : options.stats_tags) {
    if (other.first == tag.first) return flags.Expected("--stats-tag", text, "each name once");
  }
  options.stats_tags.push_back(tag);
}

std::string Unexpected(const CLI::App& app, const std::string& argument) {
  if (!argument.starts_with('-')) return absl::StrCat("unexpected argument \"", argument, "\"");
  const std::string name = argument.substr(0, argument.find('='));
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& known : option->get_lnames()) names.push_back("--" + known);
  }
  return absl::StrCat("unknown flag ", name,
                      config::DidYouMean(name, std::vector<std::string_view>(names.begin(), names.end())));
}

void Show(Options& options, const std::string& mode, const std::string& component_levels) {
  const auto seconds = [](uint64_t count) { return absl::StrCat(count, "s"); };
  std::vector<std::string> tags;
  for (const auto& [name, value] : options.stats_tags) tags.push_back(absl::StrCat(name, ":", value));
  const uint32_t ms = options.file_flush_interval_ms;
  std::vector<std::pair<std::string, Options::Value>> first = {
      {"concurrency", uint64_t{options.concurrency}},
      {"config_path", options.config_path},
      {"config_yaml", options.config_yaml},
      {"allow_unknown_static_fields", options.allow_unknown_static_fields},
      {"admin_address_path", options.admin_address_path},
      {"log_level", options.log_level},
      {"component_log_level", component_levels},
      {"log_format", options.log_format.value_or(kDefaultFormat)},
      {"log_path", options.log_path},
      {"service_cluster", options.service_cluster},
      {"service_node", options.service_node},
      {"service_zone", options.service_zone},
      {"file_flush_interval",
       ms % 1000 == 0 ? seconds(ms / 1000) : absl::StrFormat("%d.%03ds", ms / 1000, ms % 1000)},
      {"drain_time", seconds(options.drain_time_s)},
      {"mode", mode == "init_only"  ? "InitOnly"
               : mode == "validate" ? "Validate"
                                    : "Serve"},
      {"cpuset_threads", options.cpuset_threads},
      {"reject_unknown_dynamic_fields", options.reject_unknown_dynamic_fields},
      {"log_format_escaped", options.log_format_escaped},
      {"disabled_extensions", options.disabled_extensions},
      {"ignore_unknown_dynamic_fields", options.ignore_unknown_dynamic_fields},
      {"enable_core_dump", options.core_dump},
      {"stats_tag", tags},
  };
  options.shown.insert(options.shown.begin(), first.begin(), first.end());
}

}  // namespace

std::string VersionText() {
  return std::string("pillion ") + base::kVersion;
}

ParsedOptions ParseOptions(int argc, const char* const* argv) {
  ParsedOptions result;
  Options& options = result.options;
  const auto end = [&result](int code, std::string text) {
    result.exit_code = code;
    result.text = std::move(text);
    return result;
  };
  // What follows "--" is ignored, as Envoy has it.
  argc = static_cast<int>(
      std::find_if(argv, argv + argc, [](const char* a) { return std::string_view(a) == "--"; }) - argv);

  CLI::App app("pillion, an L7 sidecar proxy");
  app.allow_extras();
  Flags flags(app, options);
  std::string mode = "serve", component_levels, disabled, format, drain_strategy;
  std::vector<std::string> tags;
  bool version = false, hot_restart_version = false;

  flags.Text("-c,--config-path", options.config_path, "Bootstrap configuration: a file or pipe, YAML or JSON");
  flags.Text("--config-yaml", options.config_yaml, "Bootstrap configuration as text, merged over the file");
  flags.Choice("--mode", mode, {"serve", "validate", "init_only"},
               "Serve, check the configuration and end, or end when all is ready to serve");
  CLI::Option* concurrency =
      flags.Number("--concurrency", options.concurrency, 0, 1024, "Worker threads (default: processors)");
  flags.Switch("--cpuset-threads", options.cpuset_threads,
               "The default of --concurrency: processors of the cpuset");
  flags.Choice("-l,--log-level", options.log_level,
               {"trace", "debug", "info", "warning", "warn", "error", "critical", "off"}, "What is logged");
  flags.Text("--component-log-level", component_levels, "Levels of some components: upstream:debug,config:trace");
  CLI::Option* log_format = flags.Text("--log-format", format, "A line of the log, in spdlog's syntax");
  flags.Switch("--log-format-escaped", options.log_format_escaped,
               "Write control characters of messages as escapes");
  flags.Text("--log-path", options.log_path, "A file for the log (default: standard error)");
  flags.Number("--drain-time-s", options.drain_time_s, 0, 31536000, "Longest drain, in seconds (default: 5)");
  CLI::Option* strategy =
      flags.Choice("--drain-strategy", drain_strategy, {"gradual", "immediate"}, "How a drain goes");
  flags.Number("--file-flush-interval-msec", options.file_flush_interval_ms, 1, 3600000,
               "Longest time that an access log line waits, in ms (default: 10000)");
  flags.Text("--service-node", options.service_node, "The node's id, instead of the bootstrap's");
  flags.Text("--service-cluster", options.service_cluster, "The node's cluster, instead of the bootstrap's");
  flags.Text("--service-zone", options.service_zone, "The node's zone, instead of the bootstrap's");
  flags.Text("--admin-address-path", options.admin_address_path,
             "A file to write the administration's address to");
  flags.Switch("--allow-unknown-static-fields,--allow-unknown-fields", options.allow_unknown_static_fields,
               "Warn of unknown fields in files, instead of refusing them");
  flags.Switch("--reject-unknown-dynamic-fields", options.reject_unknown_dynamic_fields,
               "Refuse unknown fields in what a control plane sends");
  flags.Switch("--ignore-unknown-dynamic-fields", options.ignore_unknown_dynamic_fields,
               "Neither count nor log unknown fields in what a control plane sends");
  flags.Text("--disable-extensions", disabled, "Extensions that must not be configured, by name: a,b");
  app.add_option("--stats-tag", tags, "A tag of all metrics, NAME:VALUE; may be repeated")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  flags.Switch("--enable-core-dump", options.core_dump, "Let the system write core dumps");
  flags.WithoutEffect("--base-id", kSharesPorts, 0, NumberForm::kText);
  flags.WithoutEffect("--use-dynamic-base-id", kSharesPorts);
  flags.WithoutEffect("--base-id-path", kNoHotRestart, "");
  flags.WithoutEffect("--restart-epoch", kSharesPorts, 0);
  flags.WithoutEffect("--disable-hot-restart", kSharesPorts);
  flags.WithoutEffect("--parent-shutdown-time-s", kNoHotRestart, 900, NumberForm::kSeconds);
  flags.WithoutEffect("--skip-hot-restart-on-no-parent", kNoHotRestart);
  flags.WithoutEffect("--skip-hot-restart-parent-stats", kNoHotRestart);
  flags.WithoutEffect("--socket-path", kNoHotRestart, "");
  flags.WithoutEffect("--socket-mode", kNoHotRestart, 0, NumberForm::kOctal);
  flags.WithoutEffect("--local-address-ip-version", "no address of this machine is looked for", "v4");
  flags.WithoutEffect("--file-flush-min-size-kb", "lines are written in pieces of one size", 0);
  flags.WithoutEffect("--enable-fine-grain-logging", "levels are set for components, not for source files");
  flags.WithoutEffect("--enable-mutex-tracing", "no lock is on the way of a request");
  flags.WithoutEffect("--log-stacktrace-single-entry", "no stack traces are logged");
  flags.WithoutEffect("--skip-deprecated-logs", "nothing is logged of deprecated fields");
  flags.WithoutEffect("--bootstrap-version", "there is only version 3", 3);
  flags.Switch("--version", version, "Print the version and end");
  flags.Switch("--hot-restart-version", hot_restart_version,
               "Print the hot restart compatibility version and end");

  std::ostringstream text;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error, text, text);
    return end(code == 0 ? 0 : 1, text.str());
  }
  if (const std::vector<std::string> extra = app.remaining(); !extra.empty()) {
    return end(1, absl::StrCat("pillion: ", Unexpected(app, extra.front()), "\n"));
  }
  if (version) return end(0, VersionText() + "\n");
  if (hot_restart_version) return end(0, "disabled\n");

  ReadComponentLevels(flags, component_levels, options);
  for (const std::string& tag : tags) ReadStatsTag(flags, tag, options);
  options.disabled_extensions = absl::StrSplit(disabled, ',', absl::SkipEmpty());
  if (log_format->count() > 0) options.log_format = format;
  if (options.log_level == "warn") options.log_level = "warning";
  options.mode = mode == "validate"    ? Options::Mode::kValidate
                 : mode == "init_only" ? Options::Mode::kInitOnly
                                       : Options::Mode::kServe;
  if (!flags.error().empty()) return end(1, absl::StrCat("pillion: ", flags.error(), "\n"));
  // Who says one of these of an Envoy means several of them, which only differ in that.
  const auto more_than_0 = [&app](const char* name) {
    return app.count(name) > 0 && app.get_option(name)->as<uint32_t>() > 0;
  };
  options.shares_ports = app.count("--use-dynamic-base-id") > 0 || app.count("--disable-hot-restart") > 0 ||
                         more_than_0("--base-id") || more_than_0("--restart-epoch");
  if (options.config_path.empty() && options.config_yaml.empty()) {
    return end(1, "pillion: expected -c FILE, --config-yaml TEXT or both\n");
  }
  if (strategy->count() > 0 && drain_strategy == "gradual") {
    flags.Say("--drain-strategy gradual", "a drain tells all clients at once");
  }
  if (concurrency->count() == 0) {
    options.concurrency = Processors();
  } else {
    if (options.cpuset_threads) flags.Say("--cpuset-threads", "--concurrency says how many");
    options.concurrency = std::max(1u, options.concurrency);
  }
  flags.Show();
  options.shown.emplace_back("drain_strategy", drain_strategy == "immediate" ? "Immediate" : "Gradual");
  Show(options, mode, component_levels);
  return result;
}

}  // namespace pillion::server
