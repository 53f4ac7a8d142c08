#pragma once

// What of a request says which host it goes to, in clusters that choose by a hash (ring hash, Maglev).

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "source/base/clock.h"
#include "source/http/field_name.h"
#include "source/match/regex_rewrite.h"

namespace pillion::config {

struct HashPolicy {
  struct Header {
    http::FieldName name;
    std::optional<match::RegexRewrite> rewrite;  // of its value, before that is hashed
  };
  struct Cookie {
    std::string name;
    // Who comes without one is given one, for so long; zero: as long as the client runs. None: no hash without a cookie.
    std::optional<base::Duration> ttl;
    std::string path;
    std::vector<std::pair<std::string, std::string>> attributes;
  };
  struct QueryParameter {
    std::string name;
  };
  struct SourceIp {};
  // The text of an object of the filter state.
  struct FilterState {
    std::string name;
  };

  std::variant<Header, Cookie, QueryParameter, SourceIp, FilterState> source;
  bool terminal = false;  // if there is a hash by now, the policies that follow have nothing to say
};

}  // namespace pillion::config
