#pragma once

// The stateful_session filter: requests of a session go to the host that its first one went to. Which one that was
// stands in a cookie or in a header field, so that nothing is kept here.

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "source/config/http_filter_type.h"
#include "source/filter/http_filter.h"
#include "source/http/field_name.h"

namespace pillion::filters::stateful_session {

struct CookieSession {
  std::string name;
  int64_t ttl_s = 0;       // 0: as long as the client runs
  std::string path;        // of the requests that have a session; empty or "/": of all
  std::string attributes;  // of set-cookie, behind name and value: "; Max-Age=5; Path=/a; HttpOnly"

  // Whether a request of that path has a session.
  bool IsOf(std::string_view path) const;
};

struct Settings {
  std::variant<std::monostate, CookieSession, http::FieldName> session;  // std::monostate: there are none
  bool strict = false;      // to no other host
  std::string stat_prefix;  // empty: nothing is counted; never of a route
  bool disabled = false;    // a route's word
};

class Config final : public filter::HttpFilterConfig {
 public:
  explicit Config(Settings settings) : settings_(std::move(settings)) {}

  const Settings& settings() const { return settings_; }

  uint32_t hooks() const override { return filter::kRequestHead | filter::kResponseHead; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const Settings settings_;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::stateful_session
