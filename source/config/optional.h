#pragma once

// A message that says `is_optional: true` of what it holds in an Any: a filter, or what a route says of one. Where the
// Any is of a type that pillion does not have, it is passed over with a note, instead of refused. What is of a known type
// is judged as ever, and so is what that holds. Internal to config/.

#include <string_view>

namespace google::protobuf {
class Any;
class Descriptor;
class FieldDescriptor;
class Message;
}  // namespace google::protobuf

namespace pillion::config {

struct TreeNode;

// The end of the note; the beginning says what is wrong with the type.
inline constexpr std::string_view kPassedOver = "; it is optional, and so it is passed over";

// Whether what `message` has in `field` may be passed over.
bool IsOptional(const google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field);
// The same of a message of `type` that `node` has the fields of.
bool IsOptional(const TreeNode& node, const google::protobuf::Descriptor& type,
                const google::protobuf::FieldDescriptor& field);

// Leaves in `any` nothing but the name of the type, as a TypedStruct: that can be shown, and no part takes it.
void KeepName(std::string_view url, google::protobuf::Any& any);

}  // namespace pillion::config
