#include "source/filters/stateful_session/stateful_session.h"

#include <chrono>
#include <optional>

#include "source/filters/stateful_session/session_value.h"
#include "source/http/parameters.h"

namespace pillion::filters::stateful_session {
namespace {

using filter::Step;

struct Counts {
  Counts(stats::Registry& registry, stats::Shard& shard, const stats::Prefix& prefix)
      : scope(registry, prefix),
        routed(shard.counter(scope.AddCounter("routed"))),
        failed_open(shard.counter(scope.AddCounter("failed_open"))),
        failed_closed(shard.counter(scope.AddCounter("failed_closed"))),
        no_session(shard.counter(scope.AddCounter("no_session"))) {}

  stats::Scope scope;
  stats::Counter* routed;         // to the host of its session, or to the one that it has from now on
  stats::Counter* failed_open;    // to another one
  stats::Counter* failed_closed;  // to none, as there is no other
  stats::Counter* no_session;
};

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Config& config, const filter::ShardContext& context) : config_(config) {
    const std::string& own = config.settings().stat_prefix;
    if (own.empty()) return;
    counts_.emplace(context.registry, context.stats, stats::Prefix(context.stat_prefix).Add("stateful_session").Add(own));
  }

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* override_config) override;
  Counts* counts() { return counts_ ? &*counts_ : nullptr; }

 private:
  const Config& config_;
  std::optional<Counts> counts_;
};

uint64_t Seconds(base::WallTime time) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

class StatefulSession final : public filter::HttpFilter {
 public:
  // `counts`: null where nothing is counted.
  StatefulSession(const Settings& settings, Counts* counts) : settings_(settings), counts_(counts) {}

  Step OnRequestHead(http::RequestHead& head, bool) override {
    base::Arena& arena = stream().arena();
    if (const auto* const cookie = std::get_if<CookieSession>(&settings_.session)) {
      has_session_ = cookie->IsOf(head.path);
      const std::optional<std::string_view> value = http::FindCookie(head.headers, cookie->name);
      if (has_session_ && value) host_ = ReadCookie(arena, *value, Seconds(stream().worker().wall_now()));
    } else if (const auto* const name = std::get_if<http::FieldName>(&settings_.session)) {
      has_session_ = true;
      if (const auto value = name->First(head)) host_ = ReadAddress(arena, *value);
    }
    asked_ = true;
    if (!host_.empty()) stream().GoToHost(host_, settings_.strict);
    return Step::kContinue;
  }

  Step OnResponseHead(http::ResponseHead& head, bool) override {
    if (!asked_) return Step::kContinue;
    telemetry::RequestRecord record;
    stream().Describe(record);
    const std::string_view went = record.upstream_host_address;
    if (!has_session_) {
      if (!went.empty()) Count(&Counts::no_session);
      return Step::kContinue;
    }
    if (went.empty()) {
      const bool nobody = stream().flags().Has(telemetry::ResponseFlag::kNoHealthyUpstream);
      if (nobody && settings_.strict) Count(&Counts::failed_closed);
    } else if (went == host_) {
      Count(&Counts::routed);
    } else {
      if (!settings_.strict) Count(&Counts::failed_open);
      Tell(went, head.headers);
    }
    return Step::kContinue;
  }

 private:
  void Count(stats::Counter* Counts::*which) {
    if (counts_ != nullptr) (counts_->*which)->Increment();
  }

  // The session is with that host from now on.
  void Tell(std::string_view host, http::HeaderMap& headers) {
    base::Arena& arena = stream().arena();
    if (const auto* const name = std::get_if<http::FieldName>(&settings_.session)) {
      headers.Remove(name->text());
      headers.Add(name->text(), WriteAddress(arena, host));
      return;
    }
    const auto& cookie = std::get<CookieSession>(settings_.session);
    const uint64_t ttl = static_cast<uint64_t>(cookie.ttl_s);
    const uint64_t expires = ttl == 0 ? 0 : Seconds(stream().worker().wall_now()) + ttl;
    base::ArenaText text;
    for (const std::string_view part :
         {std::string_view(cookie.name), std::string_view("=\""), WriteCookie(arena, host, expires), std::string_view("\""),
          std::string_view(cookie.attributes)}) {
      text.Append(arena, part);
    }
    headers.Add(http::HeaderId::kSetCookie, text.view());
  }

  const Settings& settings_;
  Counts* const counts_;
  std::string_view host_;     // of the session; empty: it has none yet
  bool has_session_ = false;  // or gets one
  bool asked_ = false;        // the request was seen: no filter before this one has answered it
};

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig* override_config) {
  if (override_config == nullptr) return stream.arena().New<StatefulSession>(config_.settings(), counts());
  const Settings& settings = static_cast<const Config&>(*override_config).settings();
  return settings.disabled ? nullptr : stream.arena().New<StatefulSession>(settings, nullptr);  // as Envoy has it
}

}  // namespace

bool CookieSession::IsOf(std::string_view request) const {
  if (path.empty() || path == "/") return true;
  if (!request.starts_with(path)) return false;
  // A part of the path, and not of a name in it.
  if (path.ends_with('/') || request.size() == path.size()) return true;
  const char next = request[path.size()];
  return next == '/' || next == '?' || next == '#';
}

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(*this, context);
}

}  // namespace pillion::filters::stateful_session
