#include "envoy/extensions/filters/http/grpc_web/v3/grpc_web.pb.h"
#include "source/filters/grpc_web/grpc_web.h"

namespace pillion::filters::grpc_web {
namespace {

namespace v3 = envoy::extensions::filters::http::grpc_web::v3;

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext&, const google::protobuf::Message&,
                                                  const std::string&) {
  return std::make_shared<Config>();
}

}  // namespace

config::HttpFilterType Type() { return {v3::GrpcWeb::descriptor(), Build}; }

}  // namespace pillion::filters::grpc_web
