"""Application load balancers, their listeners and attributes."""
from .cloud import pairs
from .storage import log_bucket


def build(scope):
    if scope.within("root"):
        return
    elb, subnets = scope.client("elbv2"), scope.made["subnets"]
    balancers = [("shop-web", "internet-facing", ["public-a", "private-b"], scope.made["groups"]["web"])]
    if scope.home:
        balancers.append(("shop-internal", "internal", ["private-a", "private-b"], scope.made["groups"]["app"]))
    for name, scheme, zones, group in balancers:
        good = scope.within("prod")
        balancer = elb.create_load_balancer(
            Name=name, Type="application", Scheme=scheme, Subnets=[subnets[z] for z in zones],
            SecurityGroups=[group], Tags=pairs(scope.tags(name)))["LoadBalancers"][0]["LoadBalancerArn"]
        target = elb.create_target_group(Name=f"{name}-servers", Protocol="HTTP", Port=8080, TargetType="instance",
                                         VpcId=scope.made["vpc"])["TargetGroups"][0]["TargetGroupArn"]
        used = name == "shop-web"
        if used:
            elb.register_targets(TargetGroupArn=target, Targets=[{"Id": scope.made["server"]}])
        forward = {"Type": "forward", "TargetGroupArn": target}
        redirect = {"Type": "redirect", "RedirectConfig": {
            "Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
        elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80,
                            DefaultActions=[redirect if good else forward])
        if good:
            certificate = scope.client("acm").request_certificate(DomainName=f"{name}.example.org")["CertificateArn"]
            elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTPS", Port=443, DefaultActions=[forward],
                                SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06",
                                Certificates=[{"CertificateArn": certificate}])
        # AWS always lists these, moto only once they were set.
        elb.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[
            {"Key": "access_logs.s3.enabled", "Value": str(good).lower()},
            {"Key": "access_logs.s3.bucket", "Value": log_bucket(scope) if good else ""},
            {"Key": "deletion_protection.enabled", "Value": str(good).lower()},
            {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": str(good).lower()}])
        scope.flag(balancer, {
            "aws-elb-application-load-balancer-access-logs": not good,
            "aws-elb-application-load-balancer-deletion-protection": not good,
            "aws-elb-application-load-balancer-drops-invalid-headers": not good,
            "aws-elb-application-load-balancer-https-redirect": not good})
