#pragma once

// A filter in another one, which has nothing to do with requests that a tree of matchers says so of.

#include <memory>

#include "source/access/matcher_tree.h"
#include "source/config/http_filter_type.h"
#include "source/filter/http_filter.h"

namespace pillion::filters::extension_with_matcher {

// Of which every action is that the filter is skipped; null: it never is.
using Matcher = std::shared_ptr<const access::MatcherTree>;

// What a route says.
class RouteConfig final : public config::FilterConfig {
 public:
  explicit RouteConfig(Matcher matcher) : matcher_(std::move(matcher)) {}

  const access::MatcherTree* matcher() const { return matcher_.get(); }

 private:
  const Matcher matcher_;
};

class Config final : public filter::HttpFilterConfig {
 public:
  // `inner` is a filter::HttpFilterConfig, not null.
  Config(std::shared_ptr<const config::FilterConfig> inner, Matcher matcher)
      : inner_(std::move(inner)), matcher_(std::move(matcher)) {}

  const filter::HttpFilterConfig& inner() const { return static_cast<const filter::HttpFilterConfig&>(*inner_); }
  const access::MatcherTree* matcher() const { return matcher_.get(); }

  uint32_t hooks() const override { return inner().hooks(); }
  std::optional<filter::Feature> feature() const override { return inner().feature(); }
  std::string CannotFollow(const config::FilterConfig& former) const override { return inner().CannotFollow(former); }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const std::shared_ptr<const config::FilterConfig> inner_;
  const Matcher matcher_;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::extension_with_matcher
