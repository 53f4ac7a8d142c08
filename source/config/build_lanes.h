#pragma once

// Lanes, of a cluster or of all. Internal to config/.

#include "source/config/build.h"

namespace pillion::load_balancing_policies::lanes::v1 {
class Lanes;
}

namespace pillion::config {

// All but which host of a lane's it is.
std::shared_ptr<const Lanes> BuildLanes(BuildContext& context, const load_balancing_policies::lanes::v1::Lanes& from,
                                        const std::string& path);
// Of the bootstrap: for all clusters that do not say.
void BuildDefaultLanes(BuildContext& context, const google::protobuf::Any& from, const std::string& path,
                       Bootstrap& bootstrap);

}  // namespace pillion::config
