#pragma once

// rate_limits: what requests are limited by. Each makes a descriptor of a request, a list of keys and values, an entry for
// each of its actions; filter/descriptors.h does it. Immutable.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "source/config/metadata.h"
#include "source/expression/program.h"
#include "source/http/field_name.h"
#include "source/match/fraction.h"
#include "source/match/header_matcher.h"
#include "source/match/parameter_matcher.h"
#include "source/telemetry/text_format.h"

namespace pillion::config {

struct RateLimitAction {
  // A text of the configuration; or of operators, and what stands for one that says nothing.
  struct Text {
    std::string fixed;
    std::optional<telemetry::TextFormat> format;
    std::string otherwise;
  };

  struct Fixed {  // source_cluster, generic_key
    Text text;
  };
  struct DestinationCluster {};
  struct RemoteAddress {};
  struct MaskedRemoteAddress {
    uint32_t v4_bits = 32;
    uint32_t v6_bits = 128;
  };
  struct RequestHeader {
    http::FieldName name;
    bool skip_if_absent = false;
  };
  struct QueryParameter {
    std::string name;
    bool skip_if_absent = false;
  };
  struct Metadata {
    MetadataPath path;
    bool of_route = false;  // else what filters noted
    std::string otherwise;  // empty: there is nothing instead
    bool skip_if_absent = false;
  };
  struct Expression {
    std::shared_ptr<const expression::Program> program;
    bool skip_if_error = false;
  };
  struct HeaderMatch {
    std::vector<match::HeaderMatcher> headers;  // all of them
    bool expected = true;
    Text text;
  };
  struct QueryMatch {
    std::vector<match::QueryMatcher> parameters;  // all of them
    bool expected = true;
    Text text;
  };

  std::string key;
  std::variant<Fixed, DestinationCluster, RemoteAddress, MaskedRemoteAddress, RequestHeader, QueryParameter, Metadata,
               Expression, HeaderMatch, QueryMatch>
      source;
};

// When a rule makes its descriptor.
enum class RateLimitMoment : uint8_t {
  kRequest,  // as the request passes the filter
  kEnd,      // when its stream is over: it is counted, and nobody is refused
};

struct RateLimitRule {
  uint32_t stage = 0;  // filters of that stage heed it
  // "ratelimit.<disable_key>.http_filter_enabled"; all where nothing is configured.
  match::RuntimeFraction enabled{.fraction = {.numerator = 100}, .key = nullptr};
  std::vector<RateLimitAction> actions;
  // How much a request counts; a text says it in decimal, and what it says else is no descriptor. None: 1.
  std::variant<std::monostate, uint64_t, telemetry::TextFormat> hits;
  // Where filters note a limit that holds instead of the service's own: requests_per_unit and unit.
  std::optional<MetadataPath> limit;
  RateLimitMoment moment = RateLimitMoment::kRequest;
  std::optional<bool> figures;  // whether answers tell its figures (x-ratelimit-*); none: as the filter says
};

using RateLimitRules = std::vector<RateLimitRule>;

}  // namespace pillion::config
