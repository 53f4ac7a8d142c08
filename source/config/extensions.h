#pragma once

// The messages that a google.protobuf.Any of a configuration may hold.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace google::protobuf {
class Any;
class Descriptor;
class Message;
}  // namespace google::protobuf

namespace pillion::config {

const std::vector<const google::protobuf::Descriptor*>& ExtensionTypes();

// "type.googleapis.com/envoy....Router", of whatever host; null if it is no extension type.
const google::protobuf::Descriptor* FindExtensionType(std::string_view url);

// How many of them may be one in another: of bytes, whose writer could go on without end.
inline constexpr int kMostNestedAnys = 32;

// Of a message that stands for another one: TypedStruct.
bool IsTypedStruct(std::string_view url);

// That `url` names no extension type, and which one it was probably meant to name.
std::string UnknownTypeText(std::string_view url);

// What `any` holds; null if it is no extension type or not a message of it.
std::unique_ptr<google::protobuf::Message> UnpackExtension(const google::protobuf::Any& any);

}  // namespace pillion::config
