#include "pillion/filters/http/principal_stats/v1/principal_stats.pb.h"
#include "source/config/build.h"
#include "source/filters/principal_stats/principal_stats.h"

namespace pillion::filters::principal_stats {
namespace {

namespace v1 = pillion::filters::http::principal_stats::v1;

constexpr size_t kMaxPrincipals = 100;

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext&, const google::protobuf::Message& message,
                                                  const std::string&) {
  const auto& from = static_cast<const v1::PrincipalStats&>(message);
  return std::make_shared<Config>(from.has_max_principals() ? from.max_principals().value() : kMaxPrincipals);
}

}  // namespace

config::HttpFilterType Type() { return {v1::PrincipalStats::descriptor(), Build}; }

}  // namespace pillion::filters::principal_stats
