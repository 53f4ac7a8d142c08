#pragma once

// The header_to_metadata filter: notes what fields and cookies say in the stream's metadata, for logs, header edits and
// other filters.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/config/http_filter_type.h"
#include "source/filter/http_filter.h"
#include "source/http/field_name.h"
#include "source/match/regex_rewrite.h"

namespace pillion::filters::header_to_metadata {

// What is noted.
struct Note {
  std::string space;
  std::string key;
  std::string value;  // empty: the field's
  std::optional<match::RegexRewrite> rewrite;  // of that
  bool number = false;
  bool base64 = false;
};

struct Rule {
  std::optional<http::FieldName> header;
  std::string cookie;  // where there is no header
  std::optional<Note> present;
  std::optional<Note> missing;
  bool remove = false;
};

class Config final : public filter::HttpFilterConfig {
 public:
  Config(std::vector<Rule> request, std::vector<Rule> response)
      : request_(std::move(request)), response_(std::move(response)) {}

  const std::vector<Rule>& request() const { return request_; }
  const std::vector<Rule>& response() const { return response_; }

  uint32_t hooks() const override { return filter::kRequestHead | filter::kResponseHead; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const std::vector<Rule> request_;
  const std::vector<Rule> response_;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::header_to_metadata
