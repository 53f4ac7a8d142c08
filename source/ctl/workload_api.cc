#include "source/ctl/workload_api.h"

#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>
#include <sys/stat.h>

#include <chrono>
#include <utility>

#include "source/ca/certificates.h"
#include "source/ca/files.h"
#include "source/ctl/update_feed.h"
#include "source/identity/text.h"
#include "spiffe/workload.grpc.pb.h"

namespace pillion::ctl {
namespace {

using identity::Concat;

// The standard's guard against requests that something else can be made to send (SPIFFE Workload Endpoint, 4.1).
bool HasSecurityHeader(const grpc::CallbackServerContext& context) {
  const auto [first, last] = context.client_metadata().equal_range("workload.spiffe.io");
  return first != last && std::next(first) == last && first->second == "true";
}

const grpc::Status& NoSecurityHeader() {
  static const grpc::Status status(grpc::INVALID_ARGUMENT, "the metadata \"workload.spiffe.io: true\" is missing");
  return status;
}

}  // namespace

class WorkloadApi::Service final : public SpiffeWorkloadAPI::CallbackService {
 public:
  ~Service() override {
    const grpc::Status status(grpc::UNAVAILABLE, "the CA has been told to end");
    svids_.End(status);
    bundles_.End(status);
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
    server_.reset();  // before the feeds
  }

  grpc::ServerWriteReactor<X509SVIDResponse>* FetchX509SVID(grpc::CallbackServerContext* context,
                                                            const X509SVIDRequest*) override {
    return HasSecurityHeader(*context) ? svids_.Open() : svids_.Refuse(NoSecurityHeader());
  }
  grpc::ServerWriteReactor<X509BundlesResponse>* FetchX509Bundles(grpc::CallbackServerContext* context,
                                                                  const X509BundlesRequest*) override {
    return HasSecurityHeader(*context) ? bundles_.Open() : bundles_.Refuse(NoSecurityHeader());
  }

  absl::Status Start(const std::string& socket_path, const std::vector<net::Address>& addresses) {
    if (!net::Address::Unix(socket_path)) {
      return absl::InvalidArgumentError(Concat(socket_path,
                                               ": a unix socket's path has at most 107 bytes, this has ",
                                               socket_path.size(), "; choose a shorter --dir"));
    }
    gpr_set_log_function([](gpr_log_func_args*) {});  // what matters is said here, in the user's words
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    builder.SetMaxReceiveMessageSize(4096);  // requests are empty
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 100);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    std::vector<std::string> names = {"unix:" + socket_path};
    for (const net::Address& address : addresses) names.push_back(address.text());
    std::vector<int> ports(names.size(), 0);
    for (size_t i = 0; i < names.size(); ++i) {
      builder.AddListeningPort(names[i], grpc::InsecureServerCredentials(), &ports[i]);
    }
    server_ = builder.BuildAndStart();
    for (size_t i = 0; i < names.size(); ++i) {
      if (server_ == nullptr && ports[i] == 0) return absl::UnavailableError(Concat("can't listen on ", names[i]));
    }
    if (server_ == nullptr) return absl::InternalError(Concat("the server of ", names[0], " does not start"));
    if (chmod(socket_path.c_str(), 0600) != 0) return ca::SystemError("chmod", socket_path);
    return absl::OkStatus();
  }

  void Supply(const ca::Supply& supply) {
    const std::string bundle = supply.authority.BundleDer();
    X509SVIDResponse response;
    X509SVID& svid = *response.add_svids();
    svid.set_spiffe_id(supply.workload.spiffe_id);
    svid.set_x509_svid(ca::CertificateDer(supply.svid.leaf()));
    svid.set_x509_svid_key(ca::KeyDer(supply.svid.key.get()));
    svid.set_bundle(bundle);
    svids_.Set(std::move(response));
    if (bundle == bundle_) return;
    bundle_ = bundle;
    X509BundlesResponse bundles;
    (*bundles.mutable_bundles())["spiffe://" + supply.authority.trust_domain()] = bundle;
    bundles_.Set(std::move(bundles));
  }

 private:
  UpdateFeed<X509SVIDResponse> svids_;
  UpdateFeed<X509BundlesResponse> bundles_;
  std::string bundle_;  // as it was sent last
  std::unique_ptr<grpc::Server> server_;
};

WorkloadApi::WorkloadApi() : service_(std::make_unique<Service>()) {}
WorkloadApi::~WorkloadApi() = default;

absl::Status WorkloadApi::Start(const std::string& socket_path, const std::vector<net::Address>& addresses) {
  return service_->Start(socket_path, addresses);
}

void WorkloadApi::Supply(const ca::Supply& supply) {
  service_->Supply(supply);
}

}  // namespace pillion::ctl
