#pragma once

// Which fields of a message are others than those of another one, down to the fields of its fields. Internal to config/.

#include <string>
#include <vector>

namespace google::protobuf {
class Message;
}

namespace pillion::config {

// Paths, as "admin.address". `after` is of the type of `before`; `whole`: what it does not say is gone, else that stays.
std::vector<std::string> ChangedFields(const google::protobuf::Message& before, const google::protobuf::Message& after,
                                       bool whole);

}  // namespace pillion::config
