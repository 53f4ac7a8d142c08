#pragma once

// One HTTP filter, wherever its configuration comes from. Internal to config/, and for filters that have another in them.

#include <string>

#include "source/config/build.h"
#include "source/config/filter_config.h"
#include "source/config/http_filter_type.h"

namespace pillion::config {

// Whose `which` is `message`; null: none is.
const HttpFilterType* FindType(const BuildContext& context, const google::protobuf::Descriptor* message,
                               const google::protobuf::Descriptor* HttpFilterType::*which);

// One whose configuration comes apart from its listener, as it is before that has come.
HttpFilter BuildDiscoveredFilter(BuildContext& context, const std::string& name,
                                 const envoy::config::core::v3::ExtensionConfigSource& from, const std::string& path);

// Of such a filter, what has come for it, into `to`; without a source it may be any. An error: it can't be.
void TakeHttpFilter(BuildContext& context, const google::protobuf::Any& any, const std::string& path, HttpFilter& to);

}  // namespace pillion::config
