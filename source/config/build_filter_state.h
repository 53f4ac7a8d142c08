#pragma once

// Objects of filter state. Internal to config/ and to the filters that set them.

#include <string>
#include <vector>

#include "envoy/extensions/filters/common/set_filter_state/v3/value.pb.h"
#include "source/config/build.h"
#include "source/config/filter_state.h"

namespace pillion::config {

using FilterStateMessages =
    google::protobuf::RepeatedPtrField<envoy::extensions::filters::common::set_filter_state::v3::FilterStateValue>;

// `path`: of the list.
std::vector<FilterStateObject> BuildFilterState(BuildContext& context, const FilterStateMessages& from,
                                                const std::string& path);

}  // namespace pillion::config
