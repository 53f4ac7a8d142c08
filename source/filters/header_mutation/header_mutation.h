#pragma once

// The header_mutation filter: adds, changes and removes fields of heads and trailers, and parameters of the query, at a
// place of its own in the chain.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/config/header_edits.h"
#include "source/config/http_filter_type.h"
#include "source/filter/http_filter.h"

namespace pillion::filters::header_mutation {

struct QueryMutation {
  std::string name;
  std::optional<telemetry::TextFormat> value;  // none: the parameter goes
  config::AddedHeader::Action action = config::AddedHeader::Action::kAppend;
};

// Each list in order; a later mutation sees what an earlier one did.
struct Mutations {
  std::vector<config::HeaderMutation> request;
  std::vector<config::HeaderMutation> response;
  std::vector<config::HeaderMutation> request_trailers;
  std::vector<config::HeaderMutation> response_trailers;
  std::vector<QueryMutation> query;

  bool empty() const {
    return request.empty() && response.empty() && request_trailers.empty() && response_trailers.empty() &&
           query.empty();
  }
};

class Config final : public filter::HttpFilterConfig {
 public:
  // most_specific_last: in which order those of route, virtual host and table come.
  Config(Mutations mutations, bool most_specific_last)
      : mutations_(std::move(mutations)), most_specific_last_(most_specific_last) {}

  const Mutations& mutations() const { return mutations_; }
  bool most_specific_last() const { return most_specific_last_; }

  uint32_t hooks() const override {
    return filter::kRequestHead | filter::kResponseHead | filter::kRequestTrailers | filter::kResponseTrailers;
  }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const Mutations mutations_;
  const bool most_specific_last_;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::header_mutation
