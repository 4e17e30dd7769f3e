"""What the console calls its services, and what people call them.

A service is named by the first part of its console path. botocore's names are those of APIs and
often differ, so the few that people say otherwise stand here by hand.
"""

from collections.abc import Mapping

ALIASES: Mapping[str, str] = {
    "appstream": "appstream2",
    "autoscaling": "ec2",
    "ce": "cost-management",
    "certificate-manager": "acm",
    "cloudwatch-logs": "cloudwatch",
    "cognito-idp": "cognito",
    "cost-explorer": "cost-management",
    "documentdb": "docdb",
    "ds": "directoryservicev2",
    "ebs": "ec2",
    "elasticsearch": "aos",
    "elb": "ec2",
    "elbv2": "ec2",
    "es": "aos",
    "eventbridge": "events",
    "fargate": "ecs",
    "iam-identity-center": "singlesignon",
    "identity-center": "singlesignon",
    "kafka": "msk",
    "logs": "cloudwatch",
    "opensearch": "aos",
    "parameter-store": "systems-manager",
    "secrets-manager": "secretsmanager",
    "service-quotas": "servicequotas",
    "sesv2": "ses",
    "sfn": "states",
    "ssm": "systems-manager",
    "sso": "singlesignon",
    "step-functions": "states",
    "stepfunctions": "states",
    "trusted-advisor": "trustedadvisor",
    "waf": "wafv2",
}
"""What people say → the first part of the console's path."""

TITLES: Mapping[str, str] = {
    "acm": "Certificate Manager",
    "amplify": "Amplify",
    "aos": "OpenSearch",
    "apigateway": "API Gateway",
    "athena": "Athena",
    "backup": "Backup",
    "batch": "Batch",
    "bedrock": "Bedrock",
    "billing": "Billing",
    "cloudformation": "CloudFormation",
    "cloudfront": "CloudFront",
    "cloudshell": "CloudShell",
    "cloudtrail": "CloudTrail",
    "cloudtrailv2": "CloudTrail",
    "cloudwatch": "CloudWatch",
    "codeartifact": "CodeArtifact",
    "codebuild": "CodeBuild",
    "codecommit": "CodeCommit",
    "codedeploy": "CodeDeploy",
    "codepipeline": "CodePipeline",
    "codesuite": "Developer Tools",
    "cognito": "Cognito",
    "config": "Config",
    "controltower": "Control Tower",
    "cost-management": "Cost Management",
    "costmanagement": "Cost Management",
    "directoryservicev2": "Directory Service",
    "dms": "Database Migration Service",
    "docdb": "DocumentDB",
    "dynamodb": "DynamoDB",
    "dynamodbv2": "DynamoDB",
    "elasticache": "ElastiCache",
    "elasticbeanstalk": "Elastic Beanstalk",
    "events": "EventBridge",
    "firehose": "Data Firehose",
    "fsx": "FSx",
    "glue": "Glue",
    "guardduty": "GuardDuty",
    "health": "Health Dashboard",
    "kinesis": "Kinesis",
    "lambda": "Lambda",
    "lightsail": "Lightsail",
    "neptune": "Neptune",
    "organizations": "Organizations",
    "phd": "Health Dashboard",
    "quicksight": "QuickSight",
    "redshift": "Redshift",
    "redshiftv2": "Redshift",
    "resource-groups": "Resource Groups",
    "route53": "Route 53",
    "sagemaker": "SageMaker",
    "scheduler": "EventBridge Scheduler",
    "secretsmanager": "Secrets Manager",
    "securityhub": "Security Hub",
    "servicecatalog": "Service Catalog",
    "servicequotas": "Service Quotas",
    "singlesignon": "IAM Identity Center",
    "states": "Step Functions",
    "support": "Support",
    "systems-manager": "Systems Manager",
    "transfer": "Transfer Family",
    "trustedadvisor": "Trusted Advisor",
    "wafv2": "WAF & Shield",
    "workspaces": "WorkSpaces",
    "xray": "X-Ray",
}
"""Names of services for pages."""

_LONGEST_ABBREVIATION = 3


def console_service(name: str) -> str:
    """The console's own name of a service that a person may call otherwise."""
    return ALIASES.get(name, name)


def service_title(service: str) -> str:
    """A service's name for a page: known ones as AWS writes them, short ones as abbreviations."""
    if service in TITLES:
        return TITLES[service]
    if len(service) <= _LONGEST_ABBREVIATION:
        return service.upper()
    return service.replace("-", " ").title()
