#include "source/server/log.h"

#include <algorithm>
#include <iterator>
#include <memory>

#include "absl/strings/str_cat.h"
#include "source/access/denial_log.h"
#include "source/filters/degradation/transition_log.h"
#include "source/filters/grey/not_carried.h"
#include "source/filters/request_context/malformed_log.h"
#include "source/base/check.h"
#include "source/base/escape.h"
#include "source/config/nearest.h"
#include "spdlog/pattern_formatter.h"
#include "spdlog/sinks/basic_file_sink.h"
#include "spdlog/sinks/stdout_sinks.h"

namespace pillion::server {
namespace {

constexpr char kDefaultFormat[] = "[%Y-%m-%d %H:%M:%S.%e][%t][%l][%n] %v";

// Envoy's. Those that pillion writes to are few (main, config, upstream, admin, rbac, filter); the others can be set all
// the same.
constexpr std::string_view kNames[] = {"a2a",
                                       "admin",
                                       "alternate_protocols_cache",
                                       "aws",
                                       "assert",
                                       "backtrace",
                                       "basic_auth",
                                       "cache_filter",
                                       "client",
                                       "config",
                                       "connection",
                                       "conn_handler",
                                       "compression",
                                       "credential_injector",
                                       "decompression",
                                       "dns",
                                       "dubbo",
                                       "envoy_bug",
                                       "ext_authz",
                                       "ext_proc",
                                       "rocketmq",
                                       "file",
                                       "filter",
                                       "forward_proxy",
                                       "geolocation",
                                       "grpc",
                                       "happy_eyeballs",
                                       "hc",
                                       "health_checker",
                                       "http",
                                       "http2",
                                       "hystrix",
                                       "init",
                                       "io",
                                       "jwt",
                                       "json_rpc",
                                       "kafka",
                                       "key_value_store",
                                       "lua",
                                       "local_rate_limit",
                                       "main",
                                       "matcher",
                                       "mcp",
                                       "misc",
                                       "mongo",
                                       "multi_connection",
                                       "notification",
                                       "oauth2",
                                       "quic",
                                       "quic_stream",
                                       "pool",
                                       "rate_limit_quota",
                                       "rbac",
                                       "rds",
                                       "redis",
                                       "router",
                                       "runtime",
                                       "stats",
                                       "secret",
                                       "sse",
                                       "tap",
                                       "testing",
                                       "thrift",
                                       "tracing",
                                       "upstream",
                                       "udp",
                                       "wasm",
                                       "websocket",
                                       "golang",
                                       "stats_sinks",
                                       "dynamic_modules",
                                       "ip_tagging"};

// Made at first use, before there is a second thread, with standard error for a sink.
struct Loggers {
  std::vector<std::shared_ptr<spdlog::logger>> all;

  Loggers() {
    const auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    for (const std::string_view name : kNames)
      all.push_back(std::make_shared<spdlog::logger>(std::string(name), sink));
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->name() < b->name(); });
  }
  spdlog::logger* Find(std::string_view name) const {
    for (const auto& logger : all) {
      if (logger->name() == name) return logger.get();
    }
    return nullptr;
  }
};

const Loggers& TheLoggers() {
  static const auto* const loggers = new Loggers;
  return *loggers;
}

// A message that cannot end its line, nor its string in JSON.
class EscapedMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    std::string text;
    base::AppendJsonString(text, std::string_view(message.payload.data(), message.payload.size()));
    out.append(text.data() + 1, text.data() + text.size() - 1);  // without its quotes
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<EscapedMessage>();
  }
};

}  // namespace

absl::Status SetUpLog(const LogOptions& options) {
  if (!options.path.empty()) {
    try {
      const auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.path);
      for (const auto& logger : TheLoggers().all) logger->sinks() = {sink};
    } catch (const spdlog::spdlog_ex& error) {
      return absl::UnavailableError(absl::StrCat("--log-path ", options.path, ": ", error.what()));
    }
  }
  for (const auto& logger : TheLoggers().all) logger->flush_on(spdlog::level::trace);
  static spdlog::logger& denials = Log("rbac");
  static constexpr access::DenialLog kDenials{
      .wants = [] { return denials.should_log(spdlog::level::debug); },
      .write = [](std::string_view line) { denials.debug("denied {}", std::string(line)); }};
  access::SetDenialLog(&kDenials);
  static spdlog::logger& filters_log = Log("filter");
  static constexpr filters::request_context::MalformedLog kMalformed{
      .wants = [] { return filters_log.should_log(spdlog::level::info); },
      .write = [](std::string_view line) { filters_log.info("malformed context: {}", std::string(line)); }};
  filters::request_context::SetMalformedLog(&kMalformed);
  static constexpr filters::degradation_rules::TransitionLog kTransitions{
      .wants = [] { return filters_log.should_log(spdlog::level::info); },
      .write = [](std::string_view line) { filters_log.info("degradation {}", std::string(line)); }};
  filters::degradation_rules::SetTransitionLog(&kTransitions);
  static constexpr filters::grey_rules::NotCarriedLog kNotCarried{
      .write = [](std::string_view line) { filters_log.warn("grey: {}", std::string(line)); }};
  filters::grey_rules::SetNotCarriedLog(&kNotCarried);
  SetLogFormat(options.format.value_or(kDefaultFormat), options.escaped);
  if (absl::Status status = SetLogLevel("", options.level); !status.ok()) return status;
  for (const auto& [name, level] : options.components) {
    if (absl::Status status = SetLogLevel(name, level); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void SetLogFormat(const std::string& format, bool escaped) {
  // A formatter belongs to a sink, and the loggers share theirs.
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<EscapedMessage>('_').add_flag<EscapedMessage>('j');
  if (escaped) formatter->add_flag<EscapedMessage>('v');
  formatter->set_pattern(format);
  TheLoggers().all.front()->sinks().front()->set_formatter(std::move(formatter));
}

bool IsLogger(std::string_view name) {
  return TheLoggers().Find(name) != nullptr;
}

bool IsLogLevel(std::string_view level) {
  return level == "off" || spdlog::level::from_str(std::string(level)) != spdlog::level::off;
}

std::string NearestLogger(std::string_view name) {
  return config::DidYouMean(name, std::vector<std::string_view>(std::begin(kNames), std::end(kNames)));
}

spdlog::logger& Log(std::string_view name) {
  spdlog::logger* const logger = TheLoggers().Find(name);
  PILLION_CHECK(logger != nullptr);
  return *logger;
}

std::vector<std::pair<std::string, std::string>> LogLevels() {
  std::vector<std::pair<std::string, std::string>> levels;
  for (const auto& logger : TheLoggers().all) {
    const spdlog::string_view_t level = spdlog::level::to_string_view(logger->level());
    levels.emplace_back(logger->name(), std::string(level.data(), level.size()));
  }
  return levels;
}

absl::Status SetLogLevel(const std::string& name, const std::string& level) {
  if (!IsLogLevel(level)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "unknown logger level '", level, "': expected trace, debug, info, warning, error, critical or off"));
  }
  if (!name.empty() && !IsLogger(name)) {
    return absl::NotFoundError(absl::StrCat("unknown logger '", name, "'", NearestLogger(name)));
  }
  for (const auto& logger : TheLoggers().all) {
    if (name.empty() || logger->name() == name) logger->set_level(spdlog::level::from_str(level));
  }
  return absl::OkStatus();
}

}  // namespace pillion::server
